import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { openStore } from '#replyd/store/sqlite.js';
import { storeContract } from './contract.js';

export const RULES = { prefixes: ['reply'], separator: '+', delay: 120_000, maxSize: 1_000_000 };

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

storeContract('sqlite, direct', open('direct'));
storeContract('sqlite, writer thread', open('thread'));
