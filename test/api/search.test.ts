/** The search through the whole daemon, as applications (`GET /v1/search`) and operators (`replyd search`) ask it. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import nodemailer from 'nodemailer';
import type { ApiKey, Conversation } from '#replyd/conversation/model.js';
import type { SearchHit } from '#replyd/conversation/search/hit.js';
import { addAccount, type DaemonProcess, withDaemon } from '../daemon-process.js';
import { eventually } from '../run.js';

interface Found {
  readonly status: number;
  readonly data: readonly SearchHit[];
  readonly next_cursor: string | null;
  readonly code: string;
  readonly detail: string;
}

interface Asked {
  readonly key?: string | null;
  readonly query: Readonly<Record<string, string>>;
}

const OTHER = ['other', '--domain', 'reply.other.example', '--support-email', 'help@other.example'];
const texts = (hits: readonly SearchHit[]) => hits.map(hit => hit.snippet.text);

async function openKeys(daemon: DaemonProcess) {
  await addAccount(daemon);
  await daemon.json(['account', 'add', ...OTHER]);
  const keyFor = async (whose: string) => (await daemon.json<ApiKey & { key: string }>(['key', 'add', whose])).key;
  const keys = { acme: await keyFor('acme'), other: await keyFor('other'), operator: await keyFor('--operator') };
  const post = async <T>(key: string, place: string, body: unknown): Promise<T> => {
    const response = await fetch(`http://${daemon.listening.http}${place}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.ok(response.ok, `${place}: ${response.status} ${await response.clone().text()}`);
    return (await response.json()) as T;
  };
  const ask = async ({ key = keys.acme, query }: Asked): Promise<Found> => {
    const response = await fetch(`http://${daemon.listening.http}/v1/search?${new URLSearchParams(query)}`, {
      headers: key === null ? {} : { authorization: `Bearer ${key}` },
    });
    return { ...((await response.json()) as Found), status: response.status };
  };
  const foundBy = async (q: string) => texts((await ask({ query: { q } })).data);
  /** The index is filled behind the commits, in their order: when the last is found, all are. */
  const filled = (q: string) => eventually(`${q} is found`, async () => (await foundBy(q)).length > 0);
  return { keys, post, ask, foundBy, filled };
}

async function mailTo(daemon: DaemonProcess, to: string): Promise<void> {
  const mta = nodemailer.createTransport({ ...daemon.smtp, secure: false, ignoreTLS: true });
  await mta.sendMail({
    from: 'Grzegorz Brzęczyszczykiewicz <grzegorz@poczta.example>',
    to,
    subject: 'Rechnung für Juli',
    text: 'The kettle whistles.\n\n-- \nG',
    attachments: [{ filename: 'protocol-77.pdf', content: 'x' }],
  });
  mta.close();
}

test('what was written is found by words, people, subjects and numbers, over HTTP and by command', async () => {
  await withDaemon({}, async daemon => {
    const { keys, post, ask, foundBy, filled } = await openKeys(daemon);
    const start = (key: string, text: string, more: Record<string, unknown> = {}) =>
      post<Conversation>(key, '/v1/conversations', {
        channel: 'web_widget',
        contact: { email: 'maria@customer.example', name: 'María Núñez' },
        messages: [{ direction: 'incoming', text }],
        ...more,
      });
    const first = await start(keys.acme, 'Where is parcel 4711-B? I paid.', { subject: 'Late delivery' });
    const cjk = { contact: { email: 'tanaka@jp.example', name: '田中太郎' } };
    await start(keys.acme, '注文した商品がまだ届きません。', cjk);
    await start(keys.acme, '我的包裹在哪里', { contact: { email: 'li@cn.example' } });
    await start(keys.acme, '주문한 상품을 받지 못했습니다', { contact: { email: 'kim@kr.example' } });
    await start(keys.other, 'A parcel of the neighbour', { subject: 'Late delivery' });
    const note = { direction: 'note', text: 'Ask the depot', agent: { name: 'Aiko', email: 'aiko@team.example' } };
    await post(keys.acme, `/v1/conversations/${first.id}/messages`, note);
    await mailTo(daemon, first.reply_to!);
    await filled('kettle');

    const parcel = 'Where is parcel 4711-B? I paid.';
    const mail = 'The kettle whistles.';
    const ofFirst = [mail, 'Ask the depot', parcel];
    const japanese = '注文した商品がまだ届きません。';
    for (const [query, expected] of [
      ['parcel', [parcel]],
      ['PAID parcel', [parcel]],
      ['parc', [parcel]],
      ['4711-B', [parcel]],
      ['4711', [parcel]],
      ['"is parcel"', [parcel]],
      ['"parcel is"', []],
      ['nunez', ofFirst],
      ['maria@customer.example', ofFirst],
      ['"late delivery"', ofFirst],
      ['from:aiko', ['Ask the depot']],
      ['from:grzegorz@poczta.example', [mail]],
      ['from:brzeczyszczykiewicz', [mail]],
      ['rechnung fur juli', [mail]],
      ['protocol-77.pdf', [mail]],
      ['#1', ofFirst],
      ['#1 depot', ['Ask the depot']],
      ['#2', [japanese]],
      ['商品', [japanese]],
      ['届きません', [japanese]],
      ['田中', [japanese]],
      ['包裹', ['我的包裹在哪里']],
      ['상품을', ['주문한 상품을 받지 못했습니다']],
      ['neighbour', []],
      ['nothingofthekind', []],
    ] as const) {
      assert.deepEqual(await foundBy(query), expected, query);
    }

    const { data } = await ask({ query: { q: '4711-B' } });
    const [hit = assert.fail('no hit')] = data;
    assert.deepEqual(
      [hit.conversation.id, hit.conversation.account, hit.conversation.number, hit.conversation.subject],
      [first.id, 'acme', 1, 'Late delivery'],
    );
    assert.deepEqual(hit.conversation.contact.email, 'maria@customer.example');
    assert.deepEqual([hit.message.seq, hit.message.direction, hit.message.held], [1, 'incoming', false]);
    const marks = hit.snippet.hits.map(({ at, length }) => hit.snippet.text.slice(at, at + length));
    assert.deepEqual(marks, ['4711', 'B']);

    // The command prints the same objects, one a line.
    assert.deepEqual(await daemon.jsonLines<SearchHit>(['search', '--account', 'acme', '4711-B']), data);
    assert.deepEqual(texts(await daemon.jsonLines<SearchHit>(['search', '商品'])), [japanese]);
    assert.deepEqual(texts(await daemon.jsonLines<SearchHit>(['search', 'from:aiko', 'depot'])), ['Ask the depot']);
    const shown = await daemon.cli(['search', '--account', 'acme', '#1', 'kettle']);
    assert.match(shown.stdout, /^acme#1 .*Grzegorz.*Late delivery\n {2}The kettle whistles\.\n$/);

    // Each key sees its own account, the operator's all or the one he names.
    const neighbour = 'A parcel of the neighbour';
    assert.deepEqual(texts((await ask({ key: keys.other, query: { q: 'parcel' } })).data), [neighbour]);
    assert.deepEqual(texts((await ask({ key: keys.other, query: { q: '#1' } })).data), [neighbour]);
    const all = await ask({ key: keys.operator, query: { q: 'parcel' } });
    assert.deepEqual(texts(all.data), [neighbour, parcel]);
    const one = await ask({ key: keys.operator, query: { q: 'parcel', account: 'other' } });
    assert.deepEqual(texts(one.data), [neighbour]);

    // A conversation that was removed is not found any more, by no door, and a later one is.
    await daemon.cli(['conversation', 'remove', first.id, '--yes']);
    for (const query of ['4711-B', 'kettle', 'depot', '#1', 'nunez']) assert.deepEqual(await foundBy(query), [], query);
    const gone = await daemon.cli(['search', 'kettle']);
    assert.deepEqual([gone.code, gone.stdout], [0, '']);
    assert.match(gone.stderr, /nothing found/);
    await start(keys.acme, 'Another kettle');
    await filled('kettle');
    assert.deepEqual(await foundBy('kettle'), ['Another kettle']);
  });
});

test('a search is read a page at a time, each message once, the newest first', async () => {
  await withDaemon({}, async daemon => {
    const { keys, post, ask, filled } = await openKeys(daemon);
    const expected: string[] = [];
    for (let count = 0; count < 23; count += 1) {
      const text = `order ${count} of samovars`;
      await post(keys.acme, '/v1/conversations', {
        channel: 'api',
        contact: {},
        messages: [{ direction: 'incoming', text }],
      });
      expected.unshift(text);
    }
    await filled('"order 22"');
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Found = await ask({ query: { q: 'samovar', limit: '5', ...(cursor === null ? {} : { cursor }) } });
      assert.equal(page.status, 200);
      assert.ok(page.data.length <= 5);
      found.push(...texts(page.data));
      cursor = page.next_cursor;
    } while (cursor !== null);
    assert.deepEqual(found, expected);

    const { next_cursor } = await ask({ query: { q: 'samovar', limit: '5' } });
    const foreign = await ask({ key: keys.other, query: { q: 'samovar', cursor: next_cursor! } });
    assert.deepEqual([foreign.status, foreign.code], [422, 'invalid_cursor']);

    const few = await daemon.cli(['search', 'samovar', '--limit', '3', '--json']);
    assert.deepEqual(
      texts(
        few.stdout
          .trim()
          .split('\n')
          .map(line => JSON.parse(line)),
      ),
      expected.slice(0, 3),
    );
    const hint = await daemon.cli(['search', 'samovar', '--limit', '3']);
    assert.match(hint.stderr, /the newest 3 are shown; --limit shows more/);
  });
});

test('what is wrong with a search is said in words', async (context: TestContext) => {
  await withDaemon({}, async daemon => {
    const { keys, ask } = await openKeys(daemon);
    const many = Array.from({ length: 17 }, (_, at) => `w${at}`).join(' ');
    for (const [asked, status, code, words] of [
      [{ query: {} }, 422, 'invalid', /`?q`?/],
      [{ query: { q: '' } }, 422, 'invalid', /q/],
      [{ query: { q: ' ... ' } }, 422, 'invalid', /A search needs a word/],
      [{ query: { q: many } }, 422, 'invalid', /at most 16 words/],
      [{ query: { q: 'x'.repeat(501) } }, 422, 'invalid', /500/],
      [{ query: { q: 'x', limit: '0' } }, 422, 'invalid', /limit/],
      [{ query: { q: 'x', state: 'open' } }, 422, 'invalid', /state/],
      [{ query: { q: 'x', cursor: 'nonsense' } }, 422, 'invalid_cursor', /cursor/],
      [{ query: { q: 'x', account: 'nobody' } }, 404, 'account_not_found', /There is no account "nobody"/],
      // What belongs to others is answered like what is not there.
      [{ query: { q: 'x', account: 'other' } }, 404, 'account_not_found', /There is no account "other"/],
      [{ key: keys.operator, query: { q: 'x', account: 'nobody' } }, 404, 'account_not_found', /no account "nobody"/],
      [{ key: null, query: { q: 'x' } }, 401, 'unauthorized', /key/],
    ] as const) {
      const answer = await ask(asked);
      const what = JSON.stringify(asked);
      assert.deepEqual([answer.status, answer.code], [status, code], `${what} ${JSON.stringify(answer)}`);
      assert.match(answer.detail, words, what);
    }
    for (const [args, code, words] of [
      [['search'], 2, /words/],
      [['search', ''], 2, /A search needs a word/],
      [['search', '--', '...'], 2, /A search needs a word/],
      [['search', ...many.split(' ')], 2, /at most 16 words/],
      [['search', '--account', 'nobody', 'x'], 1, /no account "nobody"/],
      [['search', '--limit', 'all', 'x'], 2, /limit/],
    ] as const) {
      const result = await daemon.cli(args);
      assert.deepEqual([result.code, result.stdout], [code, ''], `${args.join(' ')}: ${result.stderr}`);
      assert.match(result.stderr, words);
      assert.doesNotMatch(result.stderr, /\n\s+at /, 'no stack');
    }
    await context.test('switched off it says so, and by which key', async () => {
      await daemon.configure({ 'search.enabled': false });
      await daemon.restart();
      const answer = await ask({ query: { q: 'x' } });
      assert.equal(answer.code, 'search_off');
      assert.match(answer.detail, /search\.enabled/);
      const result = await daemon.cli(['search', 'x']);
      assert.equal(result.code, 1);
      assert.match(result.stderr, /search\.enabled/);
    });
  });
});
