/**
 * Loaded before each test file (`node --import`, see package.json): gives it a folder of its own for temporary files, and
 * fails it when something of it is left there at the end. A test that leaves folders behind fills the disks of those who
 * run the suite every day.
 *
 * Programs that a test starts take the folder over with the environment, and do not look themselves.
 */
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';

/** The program would take a REPLYD_ variable for a key of its configuration. */
const MARK = 'OWN_TEMP';

if (isMainThread && process.env.NODE_TEST_CONTEXT !== undefined && process.env[MARK] === undefined) {
  // Short: sockets of doors stand in folders within it, and their names may have a hundred characters.
  const folder = mkdtempSync(path.join(tmpdir(), 'rd-'));
  // Some tests run the program as another user.
  chmodSync(folder, 0o755);
  process.env[MARK] = folder;
  process.env.TMPDIR = folder;
  process.on('exit', () => {
    const left = readdirSync(folder);
    rmSync(folder, { recursive: true, force: true });
    if (left.length === 0) return;
    process.stderr.write(`left in the folder for temporary files: ${left.join(', ')}\n`);
    process.exitCode = 1;
  });
}
