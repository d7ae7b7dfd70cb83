/**
 * kill -9 proves no fsync, so the system calls are looked at: before a 250 is written the log is synced, and for a
 * large mail its blob and the folder too.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { addAccount, makeDaemon, startConversation } from '../daemon-process.js';
import { sendMail } from '../interop/smtp-talk.js';
import { mailBytes } from './load.js';

const CALLS = 'trace=fsync,fdatasync,write,writev,pwrite64,sendto,sendmsg,rename,renameat,renameat2';

/** What a line of the trace is about; null: nothing that matters here. */
function eventOf(line: string): string | null {
  if (/(?:write|writev|sendto|sendmsg)\(.*"250 2\.0\.0 mail_/.test(line)) return '250';
  if (/pwrite64\(\d+<[^>]*replyd\.db-wal>/.test(line)) return 'log written';
  const synced = /(?:fsync|fdatasync)\(\d+<([^>]*)>/.exec(line)?.[1];
  if (synced !== undefined) {
    if (synced.endsWith('replyd.db-wal')) return 'log synced';
    if (/\/incoming\//.test(synced)) return 'blob synced';
    if (/\/blobs\/[0-9a-f]{2}$/.test(synced)) return 'folder synced';
    if (/\/blobs$/.test(synced)) return 'folder of folders synced';
    return null;
  }
  if (/rename(?:at2?)?\(.*\/blobs\/[0-9a-f]{2}\/[0-9a-f]{64}"/.test(line)) return 'blob in place';
  return null;
}

/** strace splits a call that is interrupted by another thread's: the second half holds no arguments, so they are joined. */
function joined(trace: string): string[] {
  const open = new Map<string, string>();
  const lines: string[] = [];
  for (const line of trace.split('\n')) {
    const pid = /^\d+/.exec(line)?.[0] ?? '';
    const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(line);
    if (unfinished) {
      open.set(pid, unfinished[1]!);
      // A 250 counts from the moment it begins to be written, everything else from its end.
      if (eventOf(unfinished[1]!) === '250') lines.push(unfinished[1]!);
      continue;
    }
    const resumed = /<\.\.\. \w+ resumed>(.*)$/.exec(line);
    if (!resumed) lines.push(line);
    else if (eventOf(open.get(pid) ?? '') !== '250') lines.push(`${open.get(pid) ?? ''}${resumed[1]}`);
  }
  return lines;
}

test('the log, and a large mail with its folder, are on disk before the 250 is written', async context => {
  if (spawnSync('strace', ['-V']).status !== 0) return context.skip('strace is not installed');
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-trace-'));
  const file = path.join(folder, 'trace');
  const daemon = await makeDaemon({
    settings: { 'log.level': 'warn' },
    wrapper: ['strace', '-f', '-y', '-s', '64', '-e', CALLS, '-o', file],
  });
  context.after(async () => {
    await daemon.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await daemon.start();
  await addAccount(daemon);
  const { reply_to } = await startConversation(daemon, {});
  const events = () =>
    joined(readFileSync(file, 'utf8'))
      .map(eventOf)
      .filter(event => event !== null);
  const send = async (word: string, size: number) => {
    const from = events().length;
    const { data } = await sendMail(daemon.smtp, {
      from: 'c@customer.example',
      to: [reply_to],
      data: mailBytes(word, reply_to, size),
    });
    assert.equal(data[0]!.code, 250, data[0]!.raw);
    const since = events().slice(from);
    return since.slice(0, since.indexOf('250') + 1);
  };
  for (const word of ['one', 'two']) {
    const small = await send(word, 3000);
    assert.deepEqual(small.slice(-2), ['log synced', '250'], small.join(', '));
    assert.ok(small.lastIndexOf('log written') < small.indexOf('log synced'), small.join(', '));
  }
  const large = await send('large', 600_000);
  const at = (event: string) => large.indexOf(event);
  assert.ok(at('blob synced') >= 0, large.join(', '));
  assert.ok(at('blob synced') < at('blob in place'), large.join(', '));
  assert.ok(at('blob in place') < at('folder synced'), large.join(', '));
  assert.ok(at('folder synced') < at('log written'), large.join(', '));
  assert.deepEqual(large.slice(-2), ['log synced', '250'], large.join(', '));
});
