/** How the benchmarks write down what they found. */

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What was to be reached, and whether it was. */
export function goal(text: string, reached: boolean): void {
  print(`  to reach: ${text}: ${reached ? 'reached' : 'MISSED'}`);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
