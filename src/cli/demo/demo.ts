/**
 * `replyd demo`: the whole job in a throw-away store, with real doors and real mails. The daemon runs in this process
 * on free loopback ports; a small SMTP server stands for the customer's provider.
 *
 * On a terminal it runs until Ctrl-C and says how to go on by hand. Elsewhere it ends with 0 when the customer's reply
 * is in its conversation, and with 1 when not. One time limit bounds it, and it always removes its folder.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import { errorText, ReplydError } from '../../base/errors.js';
import { createLog } from '../../base/log.js';
import type { Conversation } from '../../conversation/model.js';
import { signInUrl } from '../../conversation/sign-in.js';
import type { Store } from '../../conversation/store.js';
import type { Mail } from '../../mail/mail.js';
import { keepInMemory, parseMail } from '../../mail/message.js';
import { launcher, openDirectly } from '../context.js';
import { EXIT_FAILED, explain } from '../errors.js';
import { submitMail } from '../submit.js';
import { columns, print, styled, warn } from '../terminal/terminal.js';
import { printable, wrap } from '../terminal/text.js';
import { refText, threadView } from '../terminal/thread.js';
import { brokenCommand, defineVerb, shellWord } from '../verb.js';
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
    more: 'Starts a daemon on free loopback ports with a store in a temporary folder, lets an agent answer a chat message by mail and the customer reply to it, and prints the conversation. On a terminal it stays up, and prints a link to the page for the team. Nothing leaves this machine.',
  }).action(async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'replyd-demo-'));
    const closers: Closer[] = [() => rmSync(folder, { recursive: true, force: true })];
    const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(() => 'interrupted');
    const late = setTimeout(TIME_LIMIT, `not done after ${TIME_LIMIT / 1000} s`, { ref: false });
    let playing = true;
    const play = perform(folder, closers).finally(() => {
      playing = false;
    });
    try {
      const stage = await Promise.race([play, interrupted, late]);
      if (typeof stage === 'string') throw new ReplydError('unavailable', stage);
      if (isWatched()) {
        print(byHand(stage));
        await interrupted;
      }
    } catch (error) {
      await closeAll(closers);
      if (!playing) throw error;
      // Something that is still being opened would keep the process alive.
      process.stderr.write(`${explain(error).text}\n`);
      process.exit(EXIT_FAILED);
    }
    await closeAll(closers);
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
  /** Signs in to the page, once; null: nobody watches. */
  readonly link: string | null;
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

  print(`replyd runs, with SMTP on ${smtp} and its store in\n${folder}`);
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
  const agent = { name: 'Anna' };
  await store.addMessage({ id: started.id }, { direction: 'outgoing', text: ANSWER, mail: 'now', agent, via: 'cli' });
  const answer = await parseMail(await sink.first, keepInMemory);
  showMail(answer, ['From', 'To', 'Reply-To', 'Subject', 'Message-ID']);

  step(4, 'The customer presses Reply in Gmail. Her provider hands the mail to replyd.');
  const replyTo = answer.replyTo[0]!.email;
  const reply = await gmailReply({ to: replyTo, from: CUSTOMER, answering: answer });
  const response = await submitMail({
    protocol: 'smtp',
    door: smtp,
    mailFrom: CUSTOMER.email,
    rcptTo: replyTo,
    mail: { raw: reply },
  });
  showMail(await parseMail(reply, keepInMemory), ['From', 'To', 'Subject', 'In-Reply-To']);
  print(`  replyd answered: ${response}`);

  step(5, 'It stands in the same conversation: what she wrote, without what she quoted.');
  command('conversation show shop#1');
  const conversation = await replied(store, started.id);
  print(`\n${threadView(conversation)}\n`);
  const link = isWatched() ? await linkFor(store, `http://${daemon.listening.web}`) : null;
  return { config, conversation, smtp, link };
}

function isWatched(): boolean {
  return process.stdout.isTTY && process.stdin.isTTY;
}

/** Anna can sign in to the page, as one who may do all there. */
async function linkFor(store: Store, web: string): Promise<string> {
  const { id } = await store.addAgent({ account: 'shop', email: 'anna@shop.example', name: 'Anna', role: 'admin' });
  const { secret } = await store.newSignInLink(id, { knownTo: 'operator' });
  return signInUrl(web, secret);
}

/** The conversation, which must hold the reply: 250 means that it is there. */
async function replied(store: Store, id: string): Promise<Conversation> {
  const conversation = await store.conversation({ id });
  const reply = conversation.messages?.find(message => message.direction === 'incoming' && message.via === 'smtp');
  if (!reply) throw new ReplydError('unavailable', 'the reply was taken, but does not stand in the conversation');
  return conversation;
}

function configText(folder: string, sinkPort: number): string {
  return `data_dir = ${JSON.stringify(path.join(folder, 'data'))}
smtp.listen = ["127.0.0.1:0"]
smtp.hostname = "mx.in.shop.example"
http.listen = "127.0.0.1:0"
web.listen = "127.0.0.1:0"
outbound.transport = "smtp"
outbound.host = "127.0.0.1"
outbound.port = ${sinkPort}
outbound.tls = "none"
`;
}

/** What to type next, for whoever watches at a terminal. */
function byHand({ config, conversation, smtp, link }: Stage): string {
  const program = shellWord(programName());
  const ref = refText(conversation);
  return [
    'It stays up until Ctrl-C. This link opens the page for the team; choose any',
    'password of 12 characters:',
    '',
    `  ${link}`,
    '',
    'Or go on by hand in another terminal:',
    '',
    // Its folder may be deep: named once, it leaves every command whole at 80 columns.
    `  export REPLYD_CONFIG=${shellWord(config)}`,
    brokenCommand(`  ${program} conversation show ${ref}`),
    brokenCommand(`  ${program} conversation reply ${ref} --agent Anna --text "Good news!"`),
    `  printf 'From: ${CUSTOMER.email}\\n\\nThank you!\\n' |`,
    `      curl -s smtp://${smtp} --crlf -T - \\`,
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

function showMail(mail: Mail, fields: readonly string[]): void {
  for (const field of fields) {
    const [first, ...more] = wrap(printable(`${field}: ${fieldOf(mail, field)}`), columns() - 4);
    print(`  ${first}`);
    for (const line of more) print(`    ${line}`);
  }
}
