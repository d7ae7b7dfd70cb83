import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { silentLog } from '#replyd/base/log.js';
import { inheritedSockets, openSupervisor } from '#replyd/base/systemd.js';
import { eventually } from '../run.js';

const NONE = { smtp: [], lmtp: [], http: [], ingress: [], web: [] };

test('handed-over sockets are known by their names', () => {
  const table: readonly (readonly [Record<string, string>, object])[] = [
    [{}, NONE],
    [
      { LISTEN_PID: '7', LISTEN_FDS: '1', LISTEN_FDNAMES: 'smtp' },
      { ...NONE, smtp: [3] },
    ],
    [
      { LISTEN_PID: '7', LISTEN_FDS: '3', LISTEN_FDNAMES: 'smtp:lmtp:smtp' },
      { ...NONE, smtp: [3, 5], lmtp: [4] },
    ],
    [
      { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'http:ingress' },
      { ...NONE, http: [3], ingress: [4] },
    ],
    // Meant for another process, as a child of ours would see it.
    [{ LISTEN_PID: '8', LISTEN_FDS: '1', LISTEN_FDNAMES: 'smtp' }, NONE],
    [{ LISTEN_PID: '7', LISTEN_FDS: '0' }, NONE],
    [{ LISTEN_PID: '7', LISTEN_FDS: 'many' }, NONE],
  ];
  for (const [env, expected] of table) assert.deepEqual(inheritedSockets(env, 7), expected, JSON.stringify(env));
});

test('sockets without a meaning are refused', () => {
  for (const names of ['', 'replyd.socket', 'smtp:submission', 'constructor', 'http:http']) {
    const env = { LISTEN_PID: '7', LISTEN_FDS: String(names.split(':').length), LISTEN_FDNAMES: names };
    assert.throws(
      () => inheritedSockets(env, 7),
      error => isReplydError(error, 'invalid'),
      names,
    );
  }
});

/** A stand-in for systemd-notify that writes down what it was told. */
function notifier(): { program: string; told: () => readonly string[]; remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-notify-'));
  const program = path.join(folder, 'notify');
  const file = path.join(folder, 'told');
  writeFileSync(program, `#!/bin/sh\necho "$@" >> ${file}\n`);
  chmodSync(program, 0o755);
  return {
    program,
    told: () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

test('readiness, signs of life and the end are told', async t => {
  const { program, told, remove } = notifier();
  t.after(remove);
  const env = { NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '200000' };
  const supervisor = openSupervisor(env, async () => {}, { log: silentLog, program });
  t.after(() => supervisor.close());
  supervisor.waiting();
  await eventually('that it waits', async () => told().some(line => /^EXTEND_TIMEOUT_USEC=\d+ STATUS=/.test(line)));
  supervisor.ready();
  // The timer alone keeps no process alive.
  const awake = setInterval(() => {}, 1_000);
  t.after(() => clearInterval(awake));
  await eventually('two signs of life', async () => told().filter(line => line === 'WATCHDOG=1').length > 1);
  supervisor.stopping();
  await eventually('the end', async () => told().includes('STOPPING=1'));
  assert.ok(told().includes('--ready'));
});

test('who is not alive gives no sign, and nothing is told without systemd', async t => {
  const { program, told, remove } = notifier();
  t.after(remove);
  let asked = 0;
  const hung = openSupervisor(
    { NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '200000' },
    () => {
      asked += 1;
      return asked === 1 ? Promise.reject(new Error('the store is closed')) : new Promise(() => {});
    },
    { log: silentLog, program },
  );
  t.after(() => hung.close());
  const alone = openSupervisor({ WATCHDOG_USEC: '200000' }, async () => {}, { log: silentLog, program });
  alone.ready();
  alone.stopping();
  const awake = setInterval(() => {}, 1_000);
  t.after(() => clearInterval(awake));
  await eventually('it was asked twice', async () => asked === 2);
  assert.deepEqual(told(), []);
  // A helper that isn't there fails nothing.
  const warned = new Promise<void>(resolve => {
    const log = { ...silentLog, warn: () => resolve() };
    openSupervisor({ NOTIFY_SOCKET: '/x' }, async () => {}, { log, program: '/nonexistent/notify' }).ready();
  });
  await warned;
});
