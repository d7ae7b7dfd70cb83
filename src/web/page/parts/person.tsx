/** A person as two letters on a colour of his own, for the eye alone. */
const COLOURS = 6;

export function Avatar({ name }: { readonly name: string }) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)!) % 997;
  return (
    <span class={`avatar colour-${sum % COLOURS}`} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}

function initialsOf(name: string): string {
  const words = name.replaceAll(/[^\p{L}\p{N}\s.@-]/gu, '').split(/[\s.@-]+/);
  const [first = '', second = ''] = words.filter(word => word !== '');
  return ([...first].slice(0, 1).join('') + [...second].slice(0, 1).join('')).toUpperCase() || '?';
}

/** What somebody is called: his name, else his address. */
export function nameOf({ name, email }: { readonly name: string; readonly email: string | null }): string {
  return name.trim() || email || '?';
}
