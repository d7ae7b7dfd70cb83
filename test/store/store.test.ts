import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { openStore } from '#replyd/store/sqlite.js';
import { applicationContract, continuityContract } from './application-contract.js';
import { storeContract } from './contract.js';
import { RULES } from './rules.js';
import { understandingContract } from './understanding-contract.js';

function open(writer: 'direct' | 'thread') {
  return async (context: TestContext) => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-store-'));
    const store = await openStore({ dataDir, writer, rules: RULES, migrate: true });
    context.after(async () => {
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    });
    return { store };
  };
}

/** A clock that a test moves on; the writer thread has none. */
async function openWithClock(context: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'replyd-store-'));
  let time = Date.UTC(2026, 0, 5, 12);
  const store = await openStore({ dataDir, writer: 'direct', rules: RULES, migrate: true, clock: () => time });
  context.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const later = (milliseconds: number) => {
    time += milliseconds;
  };
  return { store, later, now: () => time };
}

storeContract('sqlite, direct', open('direct'));
storeContract('sqlite, writer thread', open('thread'));
applicationContract('sqlite, direct', open('direct'));
applicationContract('sqlite, writer thread', open('thread'));
understandingContract('sqlite, direct', open('direct'));
understandingContract('sqlite, writer thread', open('thread'));
continuityContract('sqlite', openWithClock);
