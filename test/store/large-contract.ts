/**
 * The store's contract for contents that are too large for a row: they are there with what names them, come once, can be
 * read, and go a day after nothing names them any more.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import type { OpenStore } from '#replyd/store/assembled.js';
import { clearLeftovers } from '#replyd/store/upkeep/clear-files.js';
import { destinationOf, filing, reading, sha256 } from './contract.js';

export interface OpenedLarge {
  readonly store: OpenStore;
  readonly dataDir: string;
  /** Makes a content look as if nobody had wanted it for two days. */
  age(hash: string): void | Promise<void>;
  isThere(hash: string): boolean | Promise<boolean>;
}

/** More than two MiB, and no whole number of them. */
const NAMED = 'a mail of many lines\r\n'.repeat(110_000);
const ORPHAN = 'an orphan of many lines\r\n'.repeat(50_000);

export function largeContract(name: string, open: (context: TestContext) => Promise<OpenedLarge>): void {
  const check = (what: string, work: (made: Awaited<ReturnType<typeof make>>) => Promise<void>) =>
    test(`${name}: ${what}`, async context => work(await make(await open(context))));

  check('a large content is read as it came, and comes once', async ({ store, place, file, isThere }) => {
    await place(NAMED);
    await place(NAMED);
    const { mailId } = await file(NAMED, 'one');
    assert.ok(await isThere(sha256(NAMED)));
    const { raw } = await store.mail(mailId);
    assert.deepEqual([raw.large, raw.size, raw.sha256], [true, NAMED.length, sha256(NAMED)]);
    assert.equal(Buffer.from(await store.read(raw)).toString(), NAMED);
    const content = await store.content(raw);
    assert.ok('file' in content);
    assert.equal(await readFile(content.file, 'utf8'), NAMED);
    const again = await store.content(raw);
    assert.deepEqual(again, content);
  });

  check('a mail on its way out has its large content', async ({ store, place, id }) => {
    await store.addMessage({ id }, { direction: 'outgoing', text: 'Hello', via: 'api', mail: 'now' });
    const now = Date.now() + 3_600_000;
    const snapshot = (await store.composeSnapshot(id, { now, context: 0 }))!;
    const raw = await place(NAMED);
    const saved = await store.saveComposed({
      mailId: store.mintMailId(),
      conversationId: id,
      messageId: 'm1@reply.example.com',
      subject: 'Hello',
      messageIds: snapshot.unmailed.map(each => each.id),
      inReplyTo: null,
      references: [],
      raw,
      copies: snapshot.copies.map(copy => ({ deliveryId: copy.deliveryId, head: '', mailFrom: 'a@b.example' })),
    });
    assert.ok(saved);
    const [parcel] = await store.lease('smarthost', { now, limit: 5 });
    assert.ok(parcel?.kind === 'mail' && 'file' in parcel.content);
    assert.equal(await readFile(parcel.content.file, 'utf8'), NAMED);
  });

  check('what nothing names goes when it is older than a day', async ({ place, file, age, clear, isThere }) => {
    await place(NAMED);
    await file(NAMED, 'one');
    await place(ORPHAN);
    await age(sha256(NAMED));
    assert.equal(await clear(), 0, 'young');
    assert.ok(await isThere(sha256(ORPHAN)));
    await age(sha256(ORPHAN));
    assert.equal(await clear(), 1, 'old');
    assert.deepEqual([await isThere(sha256(ORPHAN)), await isThere(sha256(NAMED))], [false, true]);
  });

  check('an old one that comes again stays, before it is named and after', async made => {
    const { place, file, age, clear, isThere } = made;
    await place(ORPHAN);
    await age(sha256(ORPHAN));
    await place(ORPHAN);
    assert.equal(await clear(), 0);
    await age(sha256(ORPHAN));
    await file(ORPHAN, 'one');
    assert.equal(await clear(), 0);
    assert.ok(await isThere(sha256(ORPHAN)));
  });

  check('two mails share one: it goes behind both', async ({ store, place, file, age, clear, isThere, id }) => {
    await place(NAMED);
    await file(NAMED, 'one');
    const second = await store.startConversation({
      account: 'acme',
      channel: 'api',
      contact: { email: 'bo@customer.example' },
      via: 'cli',
    });
    await file(NAMED, 'the second', second.reply_to!);
    await store.removeConversation({ id });
    await age(sha256(NAMED));
    assert.equal(await clear(), 0);
    assert.ok(await isThere(sha256(NAMED)));
    await store.removeConversation({ id: second.id });
    assert.ok(await isThere(sha256(NAMED)), 'only the clearing removes it');
    assert.equal(await clear(), 1);
    assert.ok(!(await isThere(sha256(NAMED))));
  });

  check('what was given back is gone, and nothing can name it', async ({ store, place, file, isThere }) => {
    const raw = await place(ORPHAN);
    await new Promise(resolve => setTimeout(resolve, 20));
    await store.unplace([raw]);
    assert.ok(!(await isThere(sha256(ORPHAN))));
    await assert.rejects(file(ORPHAN, 'one'), error => isReplydError(error, 'unavailable'));
    await place(ORPHAN);
    await file(ORPHAN, 'one');
    await store.unplace([raw]);
    assert.ok(await isThere(sha256(ORPHAN)));
  });
}

async function make(opened: OpenedLarge) {
  const { store, dataDir } = opened;
  await store.addAccount({ slug: 'acme', domains: ['reply.example.com'], support_email: 'support@example.com' });
  const { id, reply_to } = await store.startConversation({
    account: 'acme',
    channel: 'api',
    contact: { email: 'carla@customer.example' },
    via: 'cli',
  });
  return {
    ...opened,
    id,
    place: (text: string) => store.place({ bytes: Buffer.from(text) }, { sha256: sha256(text), size: text.length }),
    /** Files a mail whose raw bytes are the content. */
    async file(content: string, text: string, address = reply_to!) {
      const [filed] = await store.file(
        filing([await destinationOf(store, address)], reading({ text }), {
          raw: { sha256: sha256(content), size: content.length, placed: true },
          facts: { sha256: sha256(content), size: content.length, contentKey: sha256(`key ${text}`), hops: 1 },
        }),
      );
      assert.ok(filed?.kind === 'filed');
      return filed;
    },
    clear: () => clearLeftovers(store, dataDir, { now: Date.now() }),
  };
}
