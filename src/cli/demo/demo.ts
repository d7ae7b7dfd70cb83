/**
 * `replyd demo`: the whole job in a throw-away store, with real doors and real mails. The daemon runs in this process
 * on free loopback ports; a small SMTP server stands for the customer's provider.
 *
 * On a terminal it runs until Ctrl-C and says how to go on by hand. Elsewhere it ends with 0 when the customer's reply
 * is in its conversation, and with 1 when not. One time limit bounds it, and it always removes its folder.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { errorText, ReplydError } from '../../base/errors.js';
import { createLog } from '../../base/log.js';
import type { Conversation } from '../../conversation/model.js';
import type { Store } from '../../conversation/store.js';
import { launcher, openDirectly } from '../context.js';
import { EXIT_FAILED, explain } from '../errors.js';
import { submitMail } from '../submit.js';
import { columns, print, styled, warn } from '../terminal/terminal.js';
import { printable, wrap } from '../terminal/text.js';
import { refText, threadView } from '../terminal/thread.js';
import { brokenCommand, defineVerb } from '../verb.js';
import { fieldOf, gmailReply } from './mail.js';
import { openSink } from './sink.js';

const TIME_LIMIT = 45_000;
const CUSTOMER = { name: 'Maria Keller', email: 'maria@customer.example' };
const QUESTION = 'Hi! I ordered a teapot last week (order 4711) and it has not arrived. Do you know where it is?';
const ANSWER = `Hello Maria,

your teapot left us on Monday; the carrier says it comes **tomorrow before noon**. Is somebody at home then?

Best wishes
Anna`;

export function defineDemo(verb: Command): void {
  defineVerb(verb, {
    does: 'show the whole job in a throw-away store',
    examples: ['demo', 'demo | less'],
    more: 'Starts a daemon on free loopback ports with a store in a temporary folder, lets an agent answer a chat message by mail and the customer reply to it, and prints the conversation. Nothing leaves this machine.',
  }).action(async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'replyd-demo-'));
    const closers: Closer[] = [() => rmSync(folder, { recursive: true, force: true })];
    let interrupt: () => void = () => {};
    const interrupted = new Promise<null>(resolve => {
      interrupt = () => resolve(null);
    });
    process.once('SIGINT', interrupt);
    process.once('SIGTERM', interrupt);
    let playing = true;
    const play = perform(folder, closers).finally(() => {
      playing = false;
    });
    let failure: unknown;
    try {
      const stage = await Promise.race([withinTime(play), interrupted]);
      if (stage === null) throw new ReplydError('unavailable', 'interrupted');
      if (process.stdout.isTTY && process.stdin.isTTY) {
        print(byHand(stage));
        await interrupted;
      }
    } catch (error) {
      failure = error;
    }
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    await closeAll(closers);
    if (playing) {
      // Something that is still being opened would keep the process alive.
      process.stderr.write(`${explain(failure).text}\n`);
      process.exit(EXIT_FAILED);
    }
    if (failure !== undefined) throw failure;
  });
}

type Closer = () => Promise<void> | void;

async function closeAll(closers: Closer[]): Promise<void> {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
    try {
      await close();
    } catch (error) {
      warn(errorText(error));
    }
  }
}

interface Stage {
  readonly config: string;
  readonly conversation: Conversation;
  readonly smtp: string;
}

/** The demo itself. What it opens it adds to `closers`. */
async function perform(folder: string, closers: Closer[]): Promise<Stage> {
  const [{ loadConfig }, { openDaemon }] = await Promise.all([
    import('../../config/load.js'),
    import('../../daemon.js'),
  ]);
  const sink = await openSink();
  closers.push(() => sink.close());
  const config = path.join(folder, 'config.toml');
  writeFileSync(config, configText(folder, sink.port), { mode: 0o600 });
  const loaded = loadConfig({ file: config, env: {}, cwd: folder });
  const daemon = await openDaemon(loaded, {
    log: createLog('warn', 'pretty'),
    onFatal: error => warn(errorText(error)),
  });
  closers.push(() => daemon.close({ graceMs: 2000 }));
  const store = await openDirectly(loaded, false);
  closers.push(() => store.close());
  const smtp = daemon.listening.smtp[0]!;

  say(`replyd runs, with SMTP on ${smtp} and its store in\n${folder}`);
  step(1, 'A shop has an account; replies come in at in.shop.example.');
  command('account add shop --domain in.shop.example --support-email help@shop.example');
  await store.addAccount({
    slug: 'shop',
    name: 'Teapot Shop',
    domains: ['in.shop.example'],
    support_email: 'help@shop.example',
  });

  step(2, 'A customer asks something in the web widget, and leaves.');
  command(`conversation start --account shop --channel web_widget --contact ${CUSTOMER.email} --text "Hi! …"`);
  const started = await store.startConversation({
    account: 'shop',
    channel: 'web_widget',
    subject: 'Where is my teapot?',
    contact: CUSTOMER,
    text: QUESTION,
    via: 'cli',
  });

  step(3, 'An agent answers. The customer is gone, so the answer goes out as a mail.');
  command('conversation reply shop#1 --agent Anna --text "Hello Maria, …"');
  await store.addMessage(
    { id: started.id },
    {
      direction: 'outgoing',
      text: ANSWER,
      mail: 'now',
      agent: { name: 'Anna' },
      via: 'cli',
    },
  );
  const answer = await sink.next();
  showMail(answer, ['From', 'To', 'Reply-To', 'Subject', 'Message-ID']);

  step(4, 'The customer presses Reply in Gmail. Her provider hands the mail to replyd.');
  const replyTo = addressOf(fieldOf(answer, 'Reply-To'));
  const reply = gmailReply({ to: replyTo, from: CUSTOMER, answering: answer });
  const response = await submitMail({
    protocol: 'smtp',
    door: smtp,
    mailFrom: CUSTOMER.email,
    rcptTo: replyTo,
    raw: reply,
  });
  showMail(reply, ['From', 'To', 'Subject', 'In-Reply-To']);
  say(`  replyd answered: ${response}`);

  step(5, 'It stands in the same conversation: what she wrote, without what she quoted.');
  command('conversation show shop#1');
  const conversation = await replied(store, started.id);
  print(`\n${threadView(conversation)}\n`);
  return { config, conversation, smtp };
}

/** The conversation, which must hold the reply: 250 means that it is there. */
async function replied(store: Store, id: string): Promise<Conversation> {
  const conversation = await store.conversation({ id });
  const reply = conversation.messages?.find(message => message.direction === 'incoming' && message.via === 'smtp');
  if (!reply) throw new ReplydError('unavailable', 'the reply was taken, but does not stand in the conversation');
  return conversation;
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new ReplydError('unavailable', `not done after ${TIME_LIMIT / 1000} s`)),
      TIME_LIMIT,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function configText(folder: string, sinkPort: number): string {
  return `data_dir = ${JSON.stringify(path.join(folder, 'data'))}

[smtp]
listen = ["127.0.0.1:0"]
hostname = "mx.in.shop.example"

[http]
listen = "127.0.0.1:0"

[outbound]
transport = "smtp"
host = "127.0.0.1"
port = ${sinkPort}
tls = "none"
`;
}

/** What to type next, for whoever watches at a terminal. */
function byHand({ config, conversation, smtp }: Stage): string {
  const program = `${programName()} -c ${config}`;
  const ref = refText(conversation);
  return [
    'It stays up until Ctrl-C. Go on by hand in another terminal:',
    '',
    brokenCommand(`  ${program} conversation show ${ref}`),
    brokenCommand(`  ${program} conversation reply ${ref} --agent Anna --text "Good news!"`),
    `  printf 'From: ${CUSTOMER.email}\\n\\nThank you!\\n' | curl -s smtp://${smtp} --crlf -T - \\`,
    `      --mail-from ${CUSTOMER.email} \\`,
    `      --mail-rcpt ${conversation.reply_to}`,
    brokenCommand(`  ${program} doctor`),
  ].join('\n');
}

function programName(): string {
  const script = path.relative(process.cwd(), launcher());
  return script.startsWith('..') ? 'replyd' : script;
}

function step(number: number, text: string): void {
  print(`\n${styled(`${number}. ${text}`, 'bold')}`);
}

function command(text: string): void {
  print(styled(brokenCommand(`  $ replyd ${text}`), 'dim'));
}

function say(text: string): void {
  print(text);
}

function showMail(mail: string, fields: readonly string[]): void {
  for (const field of fields) {
    const [first, ...more] = wrap(printable(`${field}: ${fieldOf(mail, field)}`), columns() - 4);
    print(`  ${first}`);
    for (const line of more) print(`    ${line}`);
  }
}

function addressOf(field: string): string {
  return /<([^<>]+)>/.exec(field)?.[1] ?? field;
}
