/**
 * Broken posts of the five providers with a whole daemon: the mail in them broken, the form or JSON around it, its
 * headers, its address, its proof. One after the other, so that each answer can be held against what came into the
 * store: none may say that a mail is stored when it is not, and no other answer may hide one that is.
 *
 * Nothing here throws for what the daemon does; a world that can't be made does.
 */
import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { PROVIDERS, type ProviderName, providerAt, secretKeyOf } from '#replyd/ingress/providers/list.js';
import type { Provider } from '#replyd/ingress/providers/provider.js';
import type { Connection } from '#replyd/store/sqlite/database.js';
import { type DaemonProcess, hostPort } from '../daemon-process.js';
import { mandrillPost, type ProviderPost, PUBLIC_URL, providerPost, SECRET } from '../ingress/provider-posts.js';
import type { World } from './grammar.js';
import { mutatedMail } from './mails.js';
import { mutated } from './mutation.js';
import { pick, type Random, randomFrom, weighted } from './random.js';
import { answersEhlo, descriptors, faultsOfStore, leftBehind, logReader } from './watch.js';
import { aliveIn, inWorld } from './world.js';

export interface PostResult {
  readonly posts: number;
  readonly faults: readonly string[];
  /** Answers by provider and status. */
  readonly answers: ReadonlyMap<string, number>;
}

export interface PostRunOptions {
  readonly count: number;
  readonly seed: number;
  /** Only this one. */
  readonly only?: number | undefined;
}

const HANG_MS = 20_000;
/** Posts between two looks at the log. */
const ROUND = 500;
const FAULTS_KEPT = 50;
const NAMES: readonly ProviderName[] = PROVIDERS.map(({ name }) => name);

export function runPosts(options: PostRunOptions): Promise<PostResult> {
  const secrets = Object.fromEntries(PROVIDERS.map(provider => [secretKeyOf(provider), SECRET]));
  const more = { ...secrets, 'http.public_url': PUBLIC_URL };
  return inWorld(more, (daemon, db, world) => postAll(daemon, db, { world, options }));
}

async function postAll(
  daemon: DaemonProcess,
  db: Connection,
  { world, options: { count, seed, only } }: { world: World; options: PostRunOptions },
): Promise<PostResult> {
  const faults: string[] = [];
  const answers = new Map<string, number>();
  const agent = new Agent({ keepAlive: true });
  const log = logReader(daemon);
  const files = descriptors(daemon);
  const look = storeReader(db, aliveIn(world));
  for (
    let index = only ?? 0;
    index < (only === undefined ? count : only + 1) && faults.length < FAULTS_KEPT;
    index += 1
  ) {
    const sent = post(randomFrom(Math.imul(seed, 0x85ebca6b) + index), world, `post${seed}x${index}x`);
    const answer = await send(daemon, agent, sent.post);
    const name = `${sent.provider} ${answer.status}`;
    answers.set(name, (answers.get(name) ?? 0) + 1);
    for (const fault of faultsOf(sent, answer, look())) {
      const again = `again: node dist-test/fuzz/main.js --seed ${seed} --post ${index}`;
      const shown = JSON.stringify(sent.post.body.subarray(0, 1500).toString('latin1'));
      const head = `${sent.post.path} ${JSON.stringify(sent.post.headers)}`;
      faults.push([`${name}, post ${index}: ${fault}`, answer.body.slice(0, 300), head, shown, again].join('\n  '));
    }
    if (index % ROUND === ROUND - 1) faults.push(...log(), ...(await answersEhlo(daemon)));
  }
  agent.destroy();
  faults.push(...log(), ...(await leftBehind(daemon, files)));
  const { code } = await daemon.stop();
  if (code !== 0) faults.push(`the daemon ended with exit ${code}`);
  faults.push(...log(), ...(await faultsOfStore(db, daemon.dataFolder)));
  return { posts: only === undefined ? count : 1, faults, answers };
}

interface Sent {
  readonly provider: ProviderName;
  readonly post: ProviderPost;
  /** The hash of the mail in it, when nothing around it was broken and it must come through byte for byte. */
  readonly hash: string | null;
  /** The same mail may have come before. */
  readonly again: boolean;
  /** Several mails, or none, in one post. */
  readonly many: boolean;
}

function post(random: Random, world: World, mark: string): Sent {
  const provider = pick(random, NAMES);
  const kind = weighted(random, [[50, 'small'], [30, 'corpus'], [5, 'same'], [5, 'tiny'], [1, 'large'], [1, 'over']] as const); // biome-ignore format: a table
  const mail = mailOf(kind, random, { world, mark });
  const rcptTo = Array.from({ length: weighted(random, [[20, 1], [3, 2], [1, 0]]) }, () => recipient(random, world)); // biome-ignore format: a table
  const mailFrom = pick(random, [
    'carla@customer.example',
    'carla@customer.example',
    '',
    '<>',
    'x',
    '\0',
    world.blocked,
    'a'.repeat(500),
  ]);
  const proof = weighted(random, [[30, 'right'], [1, 'wrong'], [1, 'none']] as const); // biome-ignore format: a table
  const withRaw = random(20) > 0;
  const timestamp = Math.floor(Date.now() / 1000) - (random(30) === 0 ? 90_000 : 0);
  const made = providerPost(provider, {
    rcptTo,
    mailFrom,
    mail,
    proof,
    withRaw,
    timestamp,
    urlencoded: random(2) === 0,
  });
  const breaks = weighted(random, [[50, 'nothing'], [30, 'body'], [8, 'header'], [6, 'path'], [6, 'query']] as const); // biome-ignore format: a table
  const broken = breaking(breaks, made, { random, provider, world, proof });
  const text = mail.toString('utf8');
  return {
    provider,
    post: broken,
    hash: breaks === 'nothing' && Buffer.from(text).equals(mail) ? hashOf(mail) : null,
    // What the breaking leaves of a mail may be what it left of another.
    again: kind !== 'small' || breaks === 'body' || breaks === 'header',
    many: provider === 'mandrill',
  };
}

function mailOf(kind: string, random: Random, { world, mark }: { world: World; mark: string }): Buffer {
  const small = `From: Carla <carla@customer.example>\r\nSubject: ${mark}\r\nMessage-ID: <${mark}@customer.example>\r\n\r\nIt is about ${mark}.\r\n`;
  switch (kind) {
    case 'corpus':
      return mutatedMail(pick(random, world.corpus), pick(random, world.corpus), random).subarray(0, 60_000);
    case 'same':
      return Buffer.from('Subject: the same\r\n\r\nThe same words again.\r\n');
    case 'tiny':
      return Buffer.from(pick(random, ['', '\r\n', 'x', '\0', ':']), 'latin1');
    case 'large':
      return Buffer.from(small + `${'lorem ipsum '.repeat(6)}\r\n`.repeat(3_700));
    case 'over':
      return Buffer.from(small + `${'lorem ipsum '.repeat(6)}\r\n`.repeat(4_300));
    default:
      return Buffer.from(small);
  }
}

function recipient(random: Random, world: World): string {
  return weighted(random, [
    [30, pick(random, world.replies)], [3, world.inbox], [2, world.revoked], [2, world.switchedOff], [2, `postmaster@${world.domain}`],
    [2, 'nobody@elsewhere.example'], [2, `reply+${'0'.repeat(32)}@${world.domain}`], [1, ''], [1, '\0'], [1, 'x'.repeat(2_000)],
    [1, `"A, B" <${pick(random, world.replies)}>`], [1, '{"a":[1]}'],
  ]); // biome-ignore format: a table
}

type Break = 'nothing' | 'body' | 'header' | 'path' | 'query';

function breaking(
  what: Break,
  made: ProviderPost,
  {
    random,
    provider,
    world,
    proof,
  }: { random: Random; provider: ProviderName; world: World; proof: 'right' | 'wrong' | 'none' },
): ProviderPost {
  switch (what) {
    case 'nothing':
      return made;
    case 'body': {
      const broken = (bytes: Buffer) =>
        mutated(bytes, pick(random, world.corpus), random, {
          snippets: SNIPPETS,
          repeats: 60,
          lineEnds: 'one',
          count: 1 + random(4),
        });
      if (provider !== 'mandrill' || random(4) === 0) return { ...made, body: broken(made.body) };
      // Its proof covers the body: broken first, and signed then, it gets past it.
      const events = new URLSearchParams(made.body.toString('latin1')).get('mandrill_events') ?? '[]';
      return mandrillPost(broken(Buffer.from(events)), { proof });
    }
    case 'header': {
      const headers: Record<string, string> = { ...made.headers };
      const name = pick(random, [
        'content-type',
        'authorization',
        'x-mandrill-signature',
        'content-encoding',
        'expect',
        'accept',
      ]);
      headers[name] = pick(random, HEADERS);
      if (random(3) === 0) delete headers['content-type'];
      return { ...made, headers };
    }
    case 'path': {
      const path = pick(random, [
        ...PROVIDERS.flatMap(({ paths }) => paths),
        '/ingress/',
        '/ingress/Relay',
        '/ingress/relay/../mailgun',
        '/ingress//relay',
        '//',
        '/%00',
      ]);
      const query = made.path.includes('?') ? made.path.slice(made.path.indexOf('?')) : '';
      return { ...made, path: `${path}${random(3) === 0 ? '/' : ''}${query}` };
    }
    case 'query':
      return { ...made, path: `${made.path}${made.path.includes('?') ? '&' : '?'}${pick(random, QUERIES)}` };
  }
}

const SNIPPETS = [
  '\r\n', '\n', '--', '--xYzZY', '--xYzZY--\r\n', '\r\n--xYzZY\r\n', '&', '=', '%', '%zz', '%00', '+', '"', '\\', '\\u0000', '\\ud800', '{', '}', '[',
  ']', ',', ':', 'null', 'true', '1e999', '[[[[', '{"a":', '\0', '\xff', '\xc3', 'Content-Disposition: form-data; name="email"\r\n\r\n', 'body-mime=',
  'recipient=', '"raw_msg":1', '"event":"inbound"', '"RawEmail":null', '; charset=utf-16', 'Content-Transfer-Encoding: base64\r\n',
]; // biome-ignore format: a list

const HEADERS = [
  '', 'x', 'multipart/form-data', 'multipart/form-data; boundary=', `multipart/form-data; boundary=${'x'.repeat(500)}`, 'multipart/mixed; boundary=xYzZY',
  'application/json', 'application/json; charset=utf-16', 'application/x-www-form-urlencoded; charset=iso-8859-1', 'message/rfc822', 'text/html',
  'Basic', 'Basic !!!!', `Basic ${Buffer.from(':').toString('base64')}`, `Basic ${Buffer.from('actionmailbox:\xff', 'latin1').toString('base64')}`,
  'Bearer x', 'gzip', '100-continue', 'multipart/form-data; boundary="x;y"', 'message/rfc822; charset="',
]; // biome-ignore format: a list

const QUERIES = [
  'recipient',
  'recipient=',
  'recipient=%',
  'recipient[]=a',
  'sender=%00',
  'x=1&x=2',
  '=',
  '&&&',
  'recipient=postmaster',
  '%ff=%fe',
];

interface Answer {
  /** 0: none came. */
  readonly status: number;
  readonly body: string;
}

function send(daemon: DaemonProcess, agent: Agent, { path, headers, body }: ProviderPost): Promise<Answer> {
  const { host, port } = hostPort(daemon.listening.http);
  return new Promise(resolve => {
    const sent = request(
      { host, port, path, method: 'POST', agent, headers: { ...headers, 'content-length': body.length } },
      response => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', error => resolve({ status: 0, body: error.message }));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    sent.setTimeout(HANG_MS, () => sent.destroy(new Error(`no answer within ${HANG_MS} ms`)));
    sent.on('error', error => resolve({ status: 0, body: error.message }));
    sent.end(body);
  });
}

interface NewMail {
  readonly state: string;
  readonly hash: string;
  /** Recipients that nobody may take. */
  readonly strangers: readonly string[];
}

/** Gives the mails that came into the store since the last look. */
function storeReader(db: Connection, alive: ReadonlySet<string>): () => readonly NewMail[] {
  let lastKey = 0;
  return () => {
    const rows = db.all<{ key: number; state: string; rcpt_to: string; sha256: Buffer }>(
      `select mail.key, state, rcpt_to, sha256 from mail join blob on blob.key = blob_key
       where mail.key > ? order by mail.key`,
      lastKey,
    );
    lastKey = rows.at(-1)?.key ?? lastKey;
    return rows.map(row => {
      const recipients = (JSON.parse(row.rcpt_to) as string[]).map(address => address.toLowerCase());
      return {
        state: row.state,
        hash: row.sha256.toString('hex'),
        strangers: recipients.filter(address => !alive.has(address)),
      };
    });
  };
}

function faultsOf(sent: Sent, answer: Answer, came: readonly NewMail[]): string[] {
  const faults: string[] = [];
  const { many } = sent;
  // Whose door it went to, whoever it was written for; null: nobody's.
  const provider = providerAt(sent.post.path.split('?', 1)[0]!);
  if (answer.status === 0) faults.push('no answer');
  else if (!allowed(provider, sent.post).includes(answer.status)) faults.push('an answer that is not in the table');
  else if (/Temporary trouble/.test(answer.body)) faults.push('trouble of our own');
  const stored = came.filter(mail => mail.state !== 'refused');
  const saysStored = answer.status === 204 || (answer.status === 200 && answer.body.startsWith('stored'));
  if (saysStored && stored.length === 0 && !sent.again && !many) faults.push('said to be stored, and is not');
  if (!saysStored && stored.length > 0 && !many) faults.push('stored, and not said');
  if (stored.length > 1 && !many) faults.push(`stored ${stored.length} times`);
  for (const mail of stored) {
    if (mail.strangers.length > 0) faults.push(`stored for ${mail.strangers.join()}`);
    if (sent.hash !== null && mail.hash !== sent.hash) faults.push('other bytes are stored than were sent');
  }
  return faults;
}

/** The table of docs/contract.md section 8 without our own trouble, of which there is none here. */
function allowed(provider: Provider | null, { headers }: ProviderPost): readonly number[] {
  // Node's own answer to an expectation that is none (RFC 9110 section 10.1.1).
  const http = headers.expect === undefined ? [] : [417];
  if (provider === null) return [...http, 404];
  const { trouble, ...endings } = provider.answers;
  return [...http, ...Object.values(endings)];
}

function hashOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
