/**
 * The lines above the blockquote in a container of quoted mail (Gmail's and its like). A client writes its own line
 * there, but some programs put the person's new words there as well. From the first line that only a client writes on
 * they are the client's; what stands above it, or all where there is no such line, is the writer's. Linear, no throws.
 */
import { fieldOf } from './header-block.js';
import type { Line } from './lines.js';
import { asciiDigits, hasAddress, hasDate, hasTime, isBracketed } from './moments.js';

/** The lines, those above a blockquote named. */
export function settleWrapped(lines: readonly Line[]): readonly Line[] {
  if (!lines.some(line => line.mark === 'wrapped')) return lines;
  const settled = [...lines];
  for (let index = 0; index < lines.length; index++) {
    if (lines[index]!.mark !== 'wrapped') continue;
    let end = index;
    while (end < lines.length && (lines[end]!.mark === 'wrapped' || lines[end]!.key === '')) end++;
    const first = firstOfClient(lines, index, end);
    for (let at = index; at < end; at++) {
      if (lines[at]!.mark === 'wrapped') settled[at] = { ...lines[at]!, mark: at < first ? null : 'attribution' };
    }
    index = end - 1;
  }
  return settled;
}

function firstOfClient(lines: readonly Line[], start: number, end: number): number {
  let last = end - 1;
  while (last > start && lines[last]!.key === '') last--;
  for (let index = start; index <= last; index++) {
    if (!isOfClient(lines[index]!.key, index === last)) continue;
    // The line may have been broken: its shorter beginnings stand directly above.
    let first = index;
    while (first > start && isBeginning(lines[first - 1]!.key, lines[first]!.key)) first--;
    return first;
  }
  return end;
}

function isOfClient(key: string, isLast: boolean): boolean {
  if (key === '') return false;
  if (/^[-_=–—―─‐]{3}/.test(key) || fieldOf(key) !== null) return true;
  const ascii = asciiDigits(key.slice(-600));
  if (/[:：﹕]\s*[_"]*$/.test(key)) return isLast || hasAddress(ascii) || hasDate(ascii) || hasTime(ascii);
  if (/[.!?。！？]$/.test(key)) return false;
  return isBracketed(ascii) || (hasDate(ascii) && hasTime(ascii));
}

function isBeginning(above: string, key: string): boolean {
  if (above === '' || /[.!?。！？…,;]$/.test(above)) return false;
  return /^[<(]|^\p{Ll}+\s?[:：]$/u.test(key) && above.length < 120;
}
