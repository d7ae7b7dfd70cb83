/** Which of the programs that a test needs are not installed here: a reason to skip, or false. */
import { run } from './run.js';

export async function missingPrograms(...programs: readonly string[]): Promise<string | false> {
  const missing: string[] = [];
  for (const program of programs) {
    const found = await run('sh', ['-c', 'command -v "$1"', 'sh', program]);
    if (found.code !== 0) missing.push(program);
  }
  return missing.length > 0 && `not installed: ${missing.join(', ')}`;
}
