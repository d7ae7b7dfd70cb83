/**
 * One account against the others. With a valid key it opens every stream it can, adds hooks, reads large pages without
 * taking them, brings strangers into a conversation and forges cursors. What must hold: each has its bound, and another
 * account's POST is answered within 2 s all the while.
 */
import { connect, type Socket } from 'node:net';
import { type AttackKind, newTally, type Tally } from './attack.js';
import { ask, postJson } from './http-client.js';
import type { Target } from './target.js';

const ANSWER_TIME = 2_000;
const MOST = { streams: 250, hooks: 20, participants: 100 };

export const shares: AttackKind = {
  name: 'shares',
  about: "one account's streams, hooks, pages, participants and cursors against the other accounts",
  async run(target, { short }) {
    const tally = newTally();
    const sockets: Socket[] = [];
    try {
      await hooks(target, tally);
      await besideOthers(target, tally, { name: 'streams', work: () => streams(target, sockets, tally) });
      await besideOthers(target, tally, { name: 'pages that nobody takes', work: () => pages(target, sockets, short) });
      await cursors(target, tally);
      await participants(target, tally);
      await besideOthers(target, tally, { name: 'a command that writes', work: () => command(target, short) });
      await besideOthers(target, tally, { name: 'answers that wait', work: () => waiting(target, tally, short) });
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    return tally.result();
  },
};

/** The other account posts while the work goes on, and for two seconds behind it. */
async function besideOthers(
  { url, umbra }: Target,
  tally: Tally,
  { name, work }: { name: string; work: () => Promise<void> },
): Promise<void> {
  let until = Number.POSITIVE_INFINITY;
  const working = work().finally(() => {
    until = performance.now() + 2_000;
  });
  let fault: string | null = null;
  while (performance.now() < until && fault === null) {
    const body = { channel: 'api', contact: { name: 'Vera' } };
    const { status, took, text } = await postJson(url, umbra.key, { place: '/v1/conversations', body });
    if (status !== 201) fault = `${status} ${text.slice(0, 300)}`;
    else if (took > ANSWER_TIME) fault = `it took ${took} ms`;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  await working;
  tally.count(`another account's POST beside ${name}`, fault);
}

function raw(target: Target, sockets: Socket[], words: string): Socket {
  const { port } = new URL(target.url);
  const socket = connect({ host: '127.0.0.1', port: Number(port) });
  sockets.push(socket);
  socket.on('error', () => {});
  socket.write(words);
  return socket;
}

const head = (target: Target, place: string) =>
  `GET ${place} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${target.acme.key}\r\n\r\n`;

async function streams(target: Target, sockets: Socket[], tally: Tally): Promise<void> {
  let taken = 0;
  for (let count = 0; count < 500; count += 1) {
    const socket = raw(target, sockets, head(target, '/v1/events'));
    socket.on('data', chunk => {
      if (chunk.toString('latin1').startsWith('HTTP/1.1 200')) taken += 1;
    });
    if (count % 50 === 49) await new Promise(resolve => setTimeout(resolve, 100));
  }
  await new Promise(resolve => setTimeout(resolve, 1_000));
  tally.count('500 streams', taken > 0 && taken <= MOST.streams ? null : `${taken} were taken`);
}

async function pages(target: Target, sockets: Socket[], short: boolean): Promise<void> {
  for (let count = 0; count < 20; count += 1)
    await target.store.addMessage(
      { id: target.customer.id },
      { direction: 'note', text: 'long '.repeat(50_000), via: 'cli' },
    );
  const question = head(target, `/v1/conversations/${target.customer.id}/messages?limit=200`);
  for (let count = 0; count < (short ? 50 : 200); count += 1) raw(target, sockets, question.repeat(10)).pause();
}

async function hooks({ url, acme }: Target, tally: Tally): Promise<void> {
  let made = 0;
  let refused = 0;
  for (let count = 0; count < 30; count += 1) {
    const body = { url: `https://hooks.example.com/${count}` };
    const { status } = await postJson(url, acme.key, { place: '/v1/hooks', body });
    if (status === 201) made += 1;
    if (status === 409) refused += 1;
  }
  tally.count('30 hooks', made === MOST.hooks && refused === 30 - made ? null : `${made} made, ${refused} refused`);
}

async function cursors(target: Target, tally: Tally): Promise<void> {
  const { url, acme, umbra } = target;
  for (let count = 0; count < 2; count += 1) await target.converse({ tenant: umbra });
  for (let count = 0; count < 2; count += 1) await target.converse();
  for (const list of ['conversations', 'contacts']) {
    const page = JSON.parse((await ask(url, { place: `/v1/${list}?limit=1`, key: umbra.key })).text) as {
      next_cursor: string;
      data: { id: string }[];
    };
    const bytes = Buffer.from(page.next_cursor, 'base64url');
    const forged = [
      page.next_cursor,
      page.data[0]!.id,
      Buffer.from(page.data[0]!.id).toString('base64url'),
      Buffer.from(`${Date.now()} ${page.data[0]!.id}`).toString('base64url'),
      ...Array.from(bytes, (_, at) => Buffer.from(bytes.map((byte, index) => (index === at ? byte ^ 1 : byte)))).map(
        each => each.toString('base64url'),
      ),
    ];
    for (const cursor of forged) {
      const { status } = await ask(url, { place: `/v1/${list}?cursor=${encodeURIComponent(cursor)}`, key: acme.key });
      tally.count(`the cursor ${cursor} at ${list}`, status === 422 ? null : `${status}`);
    }
  }
}

async function participants(target: Target, tally: Tally): Promise<void> {
  const { url, acme } = target;
  const { id } = await target.converse();
  let refused = 0;
  for (let count = 0; count < 6; count += 1) {
    const cc = Array.from({ length: 25 }, (_, index) => ({ email: `p${count}-${index}@flood.example` }));
    const body = { direction: 'outgoing', text: 'x', mail: 'never', cc };
    const { status } = await postJson(url, acme.key, { place: `/v1/conversations/${id}/messages`, body });
    if (status === 409) refused += 1;
  }
  const shown = await target.store.conversation({ id });
  const count = shown.participants.length;
  tally.count('150 people in Cc', count <= MOST.participants ? null : `${count} participants, ${refused} refused`);
}

/** An operator's command, as an import does it, on behalf of one account. */
async function command({ customer, store }: Target, short: boolean): Promise<void> {
  for (let count = 0; count < (short ? 1_000 : 10_000); count += 1)
    await store.addMessage({ id: customer.id }, { direction: 'note', text: 'x', via: 'cli' });
}

/** Answers to a contact without an address, 64 KB each, or very many; then he sees them, or his address is learned. */
async function waiting({ url, acme, store, db }: Target, tally: Tally, short: boolean): Promise<void> {
  const post = (place: string, body: object) => postJson(url, acme.key, { place: `/v1/conversations/${place}`, body });
  const answered = async (count: number, answer: { text: string; mail: 'auto' | 'now' }) => {
    const contact = {};
    const conversation = await store.startConversation({ account: acme.slug, channel: 'line', contact, via: 'cli' });
    for (let added = 0; added < count; added += 8) {
      const body = { direction: 'outgoing', ...answer };
      const all = await Promise.all(Array.from({ length: 8 }, () => post(`${conversation.id}/messages`, body)));
      const refused = all.find(each => each.status !== 201);
      if (refused !== undefined) throw new Error(`an answer was not taken: ${refused.status} ${refused.text}`);
    }
    return conversation;
  };
  const left = () =>
    db.value<number>(
      "select count(*) from delivery where kind = 'mail' and state = 'waiting' and outgoing_mail_key is null",
    )!;
  const none = async () => {
    const until = performance.now() + 120_000;
    while (left() > 0 && performance.now() < until) await new Promise(resolve => setTimeout(resolve, 200));
    return left() === 0;
  };
  const many = await answered(short ? 2_000 : 20_000, { text: 'x', mail: 'auto' });
  // The answer comes when all of them were told; whoever does not wait for it has them ended too.
  const { status, text } = await post(`${many.id}/seen`, {});
  const seen = (status === 200 || status === 0) && (await none());
  tally.count('many answers that wait are seen', seen ? null : `${status} ${text}, ${left()} deliveries wait`);
  const large = await answered(short ? 400 : 3_000, { text: 'word '.repeat(13_000), mail: 'now' });
  await store.setContact(large.contact.id, { email: 'late@customer.example' });
  const mailed = await none();
  const mails = db.value<number>('select count(*) from outgoing_mail where conversation_key is not null');
  tally.count('large answers that waited become mails', mailed ? null : `${left()} deliveries wait, ${mails} mails`);
}
