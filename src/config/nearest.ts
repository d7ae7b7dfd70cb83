/**
 * "Did you mean …?" for a mistyped key: the known names that differ by a letter or two, by case or by the marks
 * between their words, or that end in the very word that was written without its group. Nothing is suggested rather
 * than something far off.
 */

/** `, did you mean smtp.max_size?`, or '' when no name is near. */
export function nearestText(written: string, names: readonly string[]): string {
  const found = nearestNames(written.slice(0, 80), names);
  return found.length === 0 ? '' : `, did you mean ${found.join(' or ')}?`;
}

function nearestNames(written: string, names: readonly string[]): readonly string[] {
  const plain = lettersOf(written);
  const ranked = names.map(name => ({ name, distance: distanceOf(plain, lettersOf(name)) }));
  const best = Math.min(...ranked.map(({ distance }) => distance));
  if (best <= Math.max(1, Math.floor(plain.length / 4))) {
    return ranked
      .filter(({ distance }) => distance === best)
      .map(({ name }) => name)
      .slice(0, 2);
  }
  const word = lettersOf(written.slice(written.lastIndexOf('.') + 1));
  return names.filter(name => lettersOf(name.slice(name.lastIndexOf('.') + 1)) === word).slice(0, 3);
}

function lettersOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Insertions, deletions, replacements of one letter, and two neighbours that changed places. */
function distanceOf(one: string, other: string): number {
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const cheapest = Math.min(replaced, row[j]! + 1, next[j - 1]! + 1);
      next.push(swapped ? Math.min(cheapest, before[j - 2]! + 1) : cheapest);
    }
    [before, row] = [row, next];
  }
  return row[other.length]!;
}
