/** Faults of the ground the store stands on: disk, locks, permissions, descriptors. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Bench, LARGE } from './bench.js';
import type { Fault, FaultGroup } from './fault.js';

/** What each door says to a small mail, and the API to an answer. */
async function askAll(bench: Bench): Promise<{ smtp: string; pipe: string; relay: string; api: string }> {
  const [smtp, pipe, relay, api] = await Promise.all([
    bench.mail(bench.word()),
    bench.pipe(bench.word()),
    bench.relay(bench.word()),
    bench.answer(bench.word()),
  ]);
  return { smtp, pipe, relay, api };
}

const tell = (said: { smtp: string; pipe: string; relay: string; api: string }) =>
  `SMTP ${said.smtp}, pipe ${said.pipe}, HTTP ${said.relay}, API ${said.api}`;

// ---------------------------------------------------------------- locked

/** Another process that writes for as long as it is let. */
async function holdStore(bench: Bench): Promise<() => Promise<void>> {
  const holder = spawn(
    process.execPath,
    [fileURLToPath(new URL('./hold-store.js', import.meta.url)), bench.daemon.dataFolder],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  await once(holder.stdout, 'data');
  return async () => {
    const gone = once(holder, 'exit');
    holder.stdin.end();
    await gone;
  };
}

const lockedShortly: Fault = {
  name: 'store locked for a moment',
  quick: true,
  async run(bench) {
    const free = await holdStore(bench);
    const word = bench.word();
    const waiting = bench.mail(word);
    // Commits of others wait; what only reads does not.
    const talk = await bench.session();
    await talk.command('MAIL FROM:<carla@customer.example>', 250);
    await talk.command(`RCPT TO:<${bench.conversations[0]!.reply_to}>`, 250);
    await talk.quit();
    await free();
    assert.equal(await waiting, '250 2.0.0');
    return 'RCPT 250 at once, DATA 250 when it is free';
  },
};

const lockedLong: Fault = {
  name: 'store locked beyond the time limit',
  quick: false,
  async run(bench) {
    const free = await holdStore(bench);
    const all = await Promise.all([askAll(bench), ...Array.from({ length: 20 }, () => bench.mail(bench.word()))]);
    await free();
    const [said, ...mails] = all;
    assert.deepEqual(said, { smtp: '451 4.3.0', pipe: '75', relay: '503', api: '503' });
    assert.deepEqual(new Set(mails), new Set(['451 4.3.0']));
    return tell(said);
  },
};

// ---------------------------------------------------------------- read-only

/** No root can write to what is immutable, not even through a descriptor that is open. */
function setImmutable(bench: Bench, on: boolean): void {
  const { dataFolder } = bench.daemon;
  const files = ['', 'replyd.db', 'replyd.db-wal', 'blobs', 'incoming', 'parsing'].map(name =>
    path.join(dataFolder, name),
  );
  const done = spawnSync('chattr', ['-f', on ? '+i' : '-i', ...files]);
  // `blobs` may not be there yet.
  assert.ok(done.status === 0 || done.status === 1, String(done.stderr));
}

function immutableObstacle(): string | null {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-immutable-'));
  try {
    const set = spawnSync('chattr', ['+i', folder]).status === 0;
    spawnSync('chattr', ['-i', folder]);
    return set ? null : 'chattr +i needs root, and a file system that knows it';
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const prlimitObstacle = () => (spawnSync('prlimit', ['--version']).status === 0 ? null : 'prlimit is not installed');

const readOnly: Fault = {
  name: 'data directory read-only',
  quick: true,
  obstacle: immutableObstacle,
  async run(bench) {
    // Sent before, settled after: not to be sent again.
    bench.smarthost.script.dot = 'hold';
    const held = bench.word();
    assert.equal(await bench.answer(held), '201');
    await bench.smarthost.holding();
    setImmutable(bench, true);
    try {
      const said = await askAll(bench);
      assert.deepEqual(said, { smtp: '451 4.3.0', pipe: '75', relay: '503', api: '503' });
      const large = await bench.mail(bench.word(), { size: LARGE });
      assert.equal(large, '451 4.3.0');
      const ready = await fetch(`http://${bench.daemon.listening.http}/readyz`);
      assert.equal(ready.status, 503);
      const before = bench.daemon.events('unsettled').length;
      delete bench.smarthost.script.dot;
      bench.smarthost.release();
      await bench.eventually(
        'the sent mail can not be settled',
        () => bench.daemon.events('unsettled').length > before,
      );
      return `${tell(said)}, /readyz 503`;
    } finally {
      delete bench.smarthost.script.dot;
      bench.smarthost.release();
      setImmutable(bench, false);
    }
  },
};

// ---------------------------------------------------------------- folders

const noIncoming: Fault = {
  name: 'folder incoming removed',
  quick: true,
  async run(bench) {
    const folder = path.join(bench.daemon.dataFolder, 'incoming');
    rmSync(folder, { recursive: true });
    const large = await bench.mail(bench.word(), { size: LARGE });
    // It may have been made again by then.
    assert.ok(['451 4.3.0', '250 2.0.0'].includes(large), large);
    await bench.eventually('it is made again', () => readdirSync(bench.daemon.dataFolder).includes('incoming'));
    return `large mail ${large}, folder made again`;
  },
};

/** A file stands where the folder was: nobody can write there, root or not. */
function blockedFolder(name: 'incoming' | 'blobs'): Fault {
  return {
    name: `folder ${name} can not be written`,
    quick: true,
    async run(bench) {
      const folder = path.join(bench.daemon.dataFolder, name);
      // So that `blobs` is there.
      assert.equal(await bench.mail(bench.word(), { size: LARGE }), '250 2.0.0');
      renameSync(folder, `${folder}.away`);
      writeFileSync(folder, '');
      try {
        const [large, relay, small] = [
          await bench.mail(bench.word(), { size: LARGE }),
          await bench.relay(bench.word(), LARGE),
          await bench.mail(bench.word()),
        ];
        assert.deepEqual([large, relay, small], ['451 4.3.0', '503', '250 2.0.0']);
      } finally {
        unlinkSync(folder);
        renameSync(`${folder}.away`, folder);
      }
      return 'large: SMTP 451 4.3.0, HTTP 503; small: 250';
    },
  };
}

// ---------------------------------------------------------------- descriptors

/** The limit that counts; that of how far it may be raised stays. Null: as far as that. */
function limitDescriptors(pid: number, most: number | null): void {
  const highest = /^Max open files +\d+ +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))![1];
  const { status, stderr } = spawnSync('prlimit', ['--pid', `${pid}`, `--nofile=${most ?? highest}:`]);
  assert.equal(status, 0, String(stderr));
}

const noDescriptors: Fault = {
  name: 'file descriptors used up',
  quick: true,
  obstacle: prlimitObstacle,
  async run(bench) {
    const { pid } = bench.daemon;
    const talk = await bench.session();
    const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
    let most = 0;
    while (open.has(most)) most += 1;
    limitDescriptors(pid, most);
    try {
      const fresh = await bench.mail(bench.word());
      const http = await bench.relay(bench.word());
      // One that was free a moment later lets a connection in; then it is the mail that can't be taken.
      assert.ok(['cut', '451 4.3.0'].includes(fresh) && ['cut', '503'].includes(http), `${fresh}, ${http}`);
      const small = await bench.mail(bench.word(), { on: talk });
      // The first mail of all needs a parser that is not there yet.
      assert.ok(['250 2.0.0', '451 4.3.0'].includes(small), small);
      const large = await bench.mail(bench.word(), { size: LARGE, on: talk });
      assert.equal(large, '451 4.3.0');
      return `new connection ${fresh}, old one: ${small.slice(0, 3)}, large 451`;
    } finally {
      limitDescriptors(pid, null);
      talk.close();
    }
  },
};

/** There are descriptors for connections, but none for the pipes of a child process. */
const noChild: Fault = {
  name: 'no descriptor for the parser child',
  quick: true,
  obstacle: prlimitObstacle,
  async run(bench) {
    const { pid } = bench.daemon;
    // Read by the child already, so that nothing else is lacking.
    const talk = await bench.session();
    await talk.command('MAIL FROM:<carla@customer.example>', 250);
    const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
    let most = 0;
    for (let free = 2; free > 0 || open.has(most); most += 1) if (!open.has(most)) free -= 1;
    limitDescriptors(pid, most);
    try {
      await talk.command('RSET', 250);
      const large = await bench.mail(bench.word(), { size: LARGE, on: talk });
      assert.equal(large, '451 4.3.0');
      return 'large mail 451 4.3.0';
    } finally {
      limitDescriptors(pid, null);
      talk.close();
    }
  },
};

export const groundFaults: FaultGroup = {
  name: 'the ground',
  faults: [
    noDescriptors,
    noChild,
    lockedShortly,
    lockedLong,
    readOnly,
    noIncoming,
    blockedFolder('incoming'),
    blockedFolder('blobs'),
  ],
};

// ---------------------------------------------------------------- full

const DISK = 24 * 1024 * 1024;

function mountDisk(folder: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK},mode=0700`, 'tmpfs', folder]).status === 0;
}

function canMount(): boolean {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-mount-'));
  const mounted = mountDisk(folder);
  if (mounted) spawnSync('umount', ['-l', folder]);
  rmSync(folder, { recursive: true });
  return mounted;
}

/** Takes all the room that is left; gives a function that gives it back. */
function fillDisk(folder: string): () => void {
  const file = path.join(folder, 'filler');
  const descriptor = openSync(file, 'w');
  for (let size = 1024 * 1024; size >= 4096; size /= 2) {
    try {
      for (;;) if (writeSync(descriptor, Buffer.alloc(size)) < size) break;
    } catch {
      // Smaller ones may still fit.
    }
  }
  closeSync(descriptor);
  return () => unlinkSync(file);
}

const full: Fault = {
  name: 'disk full',
  quick: true,
  async run(bench) {
    bench.smarthost.script.dot = 'hold';
    const held = bench.word();
    assert.equal(await bench.answer(held), '201');
    await bench.smarthost.holding();
    const room = fillDisk(bench.daemon.dataFolder);
    try {
      let small = '';
      // There is room in the log at first.
      for (let number = 0; number < 200 && small !== '452 4.3.1'; number += 1) {
        small = await bench.mail(bench.word(), { size: 60_000 });
        assert.ok(['250 2.0.0', '452 4.3.1'].includes(small), small);
      }
      const large = await bench.mail(bench.word(), { size: LARGE });
      const relay = await bench.relay(bench.word(), 60_000);
      assert.deepEqual([small, large, relay], ['452 4.3.1', '452 4.3.1', '503']);
      delete bench.smarthost.script.dot;
      bench.smarthost.release();
      return `SMTP ${small}, large ${large}, HTTP ${relay}`;
    } finally {
      delete bench.smarthost.script.dot;
      bench.smarthost.release();
      room();
    }
  },
};

export const fullDisk: FaultGroup = {
  name: 'a full disk',
  obstacle: () => (canMount() ? null : 'mounting a small disk needs root'),
  options: () => ({
    prepare: daemon => assert.ok(mountDisk(daemon.dataFolder)),
    tidy: daemon => {
      spawnSync('umount', ['-l', daemon.dataFolder]);
    },
  }),
  faults: [full],
};
