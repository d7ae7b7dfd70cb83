/** How many standbys `synchronous_standby_names` makes a commit wait for. */
export function standbysDemanded(names: string): number {
  if (names.trim() === '') return 0;
  const [, count] = /^\s*(?:first|any)?\s*(\d+)\s*\(/i.exec(names) ?? [];
  return count === undefined ? 1 : Number(count);
}
