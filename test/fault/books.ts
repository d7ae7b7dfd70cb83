/**
 * The ledger of what was offered, held against store, smarthost and receiver: nothing that was acknowledged is missing,
 * nothing stands, went out or was told twice, and the check finds nothing.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { eventually } from '../run.js';
import type { Bench } from './bench.js';

export interface Entry {
  readonly word: string;
  readonly kind: 'mail' | 'answer';
  readonly conversation: number;
  /** Of a mail; offered again it is the same mail. */
  readonly size: number;
  readonly body: string;
  acknowledged: boolean;
}

export interface BooksOptions {
  /** Words of answers that the smarthost may have twice, with one Message-ID. */
  readonly twice?: ReadonlySet<string>;
  /** Words whose events were cancelled by a 410. */
  readonly untold?: ReadonlySet<string>;
}

type Books = Pick<Bench, 'daemon' | 'store' | 'conversations' | 'smarthost' | 'receiver'>;

export async function expectWhole(
  { daemon, store, conversations, smarthost, receiver }: Books,
  ledger: ReadonlyMap<string, Entry>,
  { twice = new Set(), untold = new Set() }: BooksOptions = {},
): Promise<void> {
  const stored: string[] = [];
  for (const [index, { id }] of conversations.entries()) {
    for (const { text } of (await store.conversation({ id })).messages!) {
      const word = text.split('\n')[0]!;
      // What can't be read has no text.
      if (word === '') continue;
      assert.equal(ledger.get(word)?.conversation, index, `${word} stands in its own conversation`);
      stored.push(word);
    }
  }
  const acknowledged = [...ledger.values()].filter(each => each.acknowledged).map(each => each.word);
  const known = new Set(stored);
  assert.deepEqual(repeated(stored), [], 'stored twice');
  assert.deepEqual(
    acknowledged.filter(word => !known.has(word)),
    [],
    'acknowledged and missing',
  );
  const answers = acknowledged.filter(word => ledger.get(word)!.kind === 'answer');
  const unsent = () => {
    const all = smarthost.taken().map(mail => mail.data);
    return answers.filter(word => !all.some(data => data.includes(word)));
  };
  await eventually('every answer is with the smarthost', () => unsent().length === 0, { within: 20_000 });
  const copies = smarthost.taken().map(mail => ({ word: /^word\d+\.$/m.exec(mail.data)?.[0] ?? '', mail }));
  assert.deepEqual(
    repeated(copies.map(each => each.word)).filter(word => !twice.has(word)),
    [],
    'sent twice',
  );
  for (const word of twice) {
    const names = smarthost
      .seen()
      .filter(mail => mail.data.includes(word))
      .map(mail => messageId(mail.data));
    assert.equal(new Set(names).size, 1, `${word}: one Message-ID in all copies`);
  }
  await eventually(
    'the receiver was told of everything',
    () => acknowledged.every(word => untold.has(word) || receiver.words.includes(word)),
    { within: 20_000 },
  );
  assert.deepEqual(repeated(receiver.taken), [], 'told twice');
  const check = await daemon.cli(['check'], { timeout: 120_000 });
  assert.equal(check.code, 0, check.stdout + check.stderr);
  const log = readFileSync(daemon.logFile, 'utf8');
  for (const sign of ['"event":"fatal"', 'MaxListenersExceeded', 'UnhandledPromise']) {
    assert.ok(!log.includes(sign), `${sign} stands in the log`);
  }
}

function repeated(all: readonly string[]): string[] {
  const seen = new Set<string>();
  return all.filter(each => each !== '' && (seen.has(each) || !seen.add(each)));
}

function messageId(data: string): string {
  return /^Message-ID: *(<[^>]+>)/im.exec(data)?.[1] ?? 'none';
}
