/** The browser's storage, for what may be lost: where it is switched off or full, nothing is kept and nothing fails. */
const OURS = 'replyd.';

export function readStored(name: string): string | null {
  try {
    return localStorage.getItem(OURS + name);
  } catch {
    return null;
  }
}

/** Null removes it. */
export function store(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(OURS + name);
    else localStorage.setItem(OURS + name, value);
  } catch {}
}

/** Names that begin so, without what all have in common. */
export function storedNames(beginning: string): readonly string[] {
  try {
    return Object.keys(localStorage)
      .filter(name => name.startsWith(OURS + beginning))
      .map(name => name.slice(OURS.length));
  } catch {
    return [];
  }
}
