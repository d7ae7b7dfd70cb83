/** `replyd conversation …`: start, list, show, answer, note, resolve, reopen, seen, rotate-token, remove. */
import type { Command } from 'commander';
import type { Conversation, ConversationStatus } from '../../conversation/model.js';
import { CHANNELS } from '../../conversation/vocabulary.js';
import { placeFiles, readFiles } from '../attach.js';
import { hintWithoutDaemon, loadSettings, withStore } from '../context.js';
import { usageError } from '../errors.js';
import { confirmRemoval } from '../terminal/confirm.js';
import { list } from '../terminal/listing.js';
import { personText, timeText } from '../terminal/render.js';
import { table } from '../terminal/table.js';
import { hint, print, printJson, readStandardInput } from '../terminal/terminal.js';
import { headView, messageView, plural, refText, threadView } from '../terminal/thread.js';
import {
  addVerb,
  collect,
  given,
  jsonOption,
  limitOption,
  oneOf,
  readAddress,
  readDuration,
  readMailbox,
  readRef,
} from '../verb.js';

const STATUSES: readonly ConversationStatus[] = ['open', 'resolved'];

interface Json {
  readonly json?: true;
}

export function defineConversation(group: Command): void {
  defineStart(group);
  defineList(group);
  defineShow(group);
  defineReply(group);
  defineNote(group);
  defineChanges(group);
  defineRemove(group);
}

function defineStart(group: Command): void {
  addVerb(group, 'start', {
    does: 'start a conversation',
    examples: [
      'conversation start --account acme --contact maria@example.org --text "Where is my parcel?"',
      'conversation start --account acme --contact bo@example.org --contact-name Bo --channel whatsapp --source-id wa-77',
      'conversation start --account acme --contact bo@example.org --channel email --subject "Order 4711" --json',
    ],
    more: '--text is what the customer said in the channel. --token takes over a token that another system has given to the customer, so that answers to its mails are understood.',
  })
    .requiredOption('--account <slug>', 'whose conversation it is')
    .requiredOption('--contact <address>', 'the customer')
    .option('--contact-name <name>', "the customer's name")
    .option('--channel <channel>', `where it began: ${CHANNELS.join(', ')}`, 'api')
    .option('--source-id <id>', "the application's own id of the conversation")
    .option('--subject <text>', 'subject of its mails')
    .option('--text <text>', 'what the customer said; - reads standard input')
    .option('--token <token>', 'an existing token of the customer')
    .addOption(jsonOption())
    .action(async (options: StartOptions, command: Command) => {
      const channel = oneOf('channel', CHANNELS, options.channel);
      const email = readAddress(options.contact);
      const text = options.text === undefined ? undefined : await readText(options.text);
      if (text !== undefined && text.trim() === '') throw usageError('the text is empty');
      const conversation = await withStore(command, ({ store }) =>
        store.startConversation({
          account: options.account,
          channel,
          contact: { email, ...given({ name: options.contactName }) },
          ...given({ source_id: options.sourceId, subject: options.subject, text, token: options.token }),
          via: 'cli',
        }),
      );
      showHead(conversation, options);
      if (!options.json) hint(`\nAnswer with: replyd conversation reply ${refText(conversation)} --text …`);
    });
}

interface StartOptions extends Json {
  readonly account: string;
  readonly contact: string;
  readonly contactName?: string;
  readonly channel: string;
  readonly sourceId?: string;
  readonly subject?: string;
  readonly text?: string;
  readonly token?: string;
}

function defineList(group: Command): void {
  addVerb(group, 'list', {
    does: 'list conversations, the latest activity first',
    examples: [
      'conversation list --account acme --status open',
      'conversation list --contact maria@example.org --limit 5 --json',
    ],
  })
    .option('--account <slug>', 'of this account')
    .option('--status <status>', STATUSES.join(' or '))
    .option('--contact <address>', 'of this customer')
    .option('--channel <channel>', 'that began there')
    .addOption(limitOption())
    .addOption(jsonOption())
    .action(async (options: ListOptions, command: Command) => {
      const filter = given({
        account: options.account,
        status: oneOf('status', STATUSES, options.status),
        contact: options.contact,
        channel: oneOf('channel', CHANNELS, options.channel),
      });
      await withStore(command, ({ store }) =>
        list(
          options,
          page => store.conversations({ ...filter, ...page }),
          conversations =>
            table(conversations, [
              { title: 'ref', of: refText },
              { title: 'status', of: each => each.status },
              { title: 'contact', of: each => personText(each.contact), shrinks: true },
              { title: 'channel', of: each => each.channel },
              { title: 'subject', of: each => each.subject, shrinks: true },
              { title: 'last activity', of: each => timeText(each.last_activity_at) },
            ]),
        ),
      );
    });
}

interface ListOptions extends Json {
  readonly account?: string;
  readonly status?: string;
  readonly contact?: string;
  readonly channel?: string;
  readonly limit: number;
}

function defineShow(group: Command): void {
  addVerb(group, 'show <ref>', {
    does: 'show a conversation with its messages',
    examples: ['conversation show acme#12', 'conversation show acme:12 --json'],
  })
    .addOption(jsonOption())
    .action(async (ref: string, options: Json, command: Command) => {
      const conversation = await withStore(command, ({ store }) => store.conversation(readRef(ref)));
      if (options.json) printJson(conversation);
      else print(threadView(conversation));
    });
}

function defineReply(group: Command): void {
  addVerb(group, 'reply <ref>', {
    does: 'answer as an agent; the answer is mailed at once',
    examples: [
      'conversation reply acme#12 --text "It is on its way." --agent Anna',
      'conversation reply acme#12 --text - --agent Anna --agent-email anna@acme.example < answer.md',
      'conversation reply acme#12 --text "See the invoice." --attach invoice.pdf --cc "Bo <bo@example.net>" --delay 10m',
    ],
    more: 'The text may be Markdown.',
  })
    .requiredOption('--text <text>', 'the answer; - reads standard input')
    .option('--agent <name>', 'who answers')
    .option('--agent-email <address>', "the agent's own address, kept with the message")
    .option('--attach <file>', 'a file to send along, may be given several times', collect)
    .option('--cc <address>', 'somebody else who gets a copy, may be given several times', collect)
    .option('--delay <duration>', 'how long the mail waits, such as 10m')
    .addOption(jsonOption())
    .action(async (ref: string, options: ReplyOptions, command: Command) => {
      const conversation = readRef(ref);
      if (options.agentEmail !== undefined && options.agent === undefined)
        throw usageError('--agent-email needs --agent');
      const email = options.agentEmail === undefined ? null : readAddress(options.agentEmail);
      const agent = options.agent === undefined ? undefined : { name: options.agent, email };
      const cc = (options.cc ?? []).map(readMailbox);
      const delay = options.delay === undefined ? undefined : readDuration('--delay', options.delay);
      const text = await readText(options.text);
      if (text.trim() === '' && options.attach === undefined) throw usageError('the answer is empty');
      const loaded = await loadSettings(command);
      const files = readFiles(options.attach ?? [], loaded.config.outbound.maxSize);
      const message = await withStore(
        command,
        async ({ store }) => {
          const added = await store.addMessage(conversation, {
            direction: 'outgoing',
            text,
            mail: 'now',
            cc,
            ...given({ agent, delay }),
            attachments: await placeFiles(store, files),
            via: 'cli',
          });
          await hintWithoutDaemon(loaded.config.dataDir);
          return added;
        },
        { loaded },
      );
      if (options.json) printJson(message);
      else print(messageView(message));
    });
}

interface ReplyOptions extends Json {
  readonly text: string;
  readonly agent?: string;
  readonly agentEmail?: string;
  readonly attach?: readonly string[];
  readonly cc?: readonly string[];
  readonly delay?: string;
}

function defineNote(group: Command): void {
  addVerb(group, 'note <ref>', {
    does: 'add a note that only the team sees',
    examples: [
      'conversation note acme#12 --text "Called him, parcel found."',
      'conversation note acme#12 --text - < call.txt',
    ],
  })
    .requiredOption('--text <text>', 'the note; - reads standard input')
    .option('--agent <name>', 'who wrote it')
    .addOption(jsonOption())
    .action(async (ref: string, options: Json & { text: string; agent?: string }, command: Command) => {
      const conversation = readRef(ref);
      const text = await readText(options.text);
      if (text.trim() === '') throw usageError('the note is empty');
      const message = await withStore(command, ({ store }) =>
        store.addMessage(conversation, {
          direction: 'note',
          text,
          ...given({ agent: options.agent === undefined ? undefined : { name: options.agent } }),
          via: 'cli',
        }),
      );
      if (options.json) printJson(message);
      else print(messageView(message));
    });
}

function defineChanges(group: Command): void {
  for (const [word, status, does] of [
    ['resolve', 'resolved', 'mark as resolved; an answer of the customer opens it again'],
    ['reopen', 'open', 'mark as open'],
  ] as const) {
    addVerb(group, `${word} <ref>`, {
      does,
      examples: [`conversation ${word} acme#12`, `conversation ${word} acme:12 --json`],
    })
      .addOption(jsonOption())
      .action(async (ref: string, options: Json, command: Command) => {
        const conversation = readRef(ref);
        showHead(await withStore(command, ({ store }) => store.setConversation(conversation, { status })), options);
      });
  }

  addVerb(group, 'seen <ref>', {
    does: 'the customer saw it in the channel: what waits is not mailed',
    examples: ['conversation seen acme#12'],
  })
    .addOption(jsonOption())
    .action(async (ref: string, options: Json, command: Command) => {
      const conversation = readRef(ref);
      showHead(await withStore(command, ({ store }) => store.seen(conversation)), options);
    });

  addVerb(group, 'rotate-token <ref>', {
    does: 'give a participant a new reply address and revoke the old',
    examples: ['conversation rotate-token acme#12', 'conversation rotate-token acme#12 --participant bo@example.net'],
  })
    .option('--participant <address>', "a participant's address or id (default: the contact)")
    .addOption(jsonOption())
    .action(async (ref: string, options: Json & { participant?: string }, command: Command) => {
      const conversation = readRef(ref);
      showHead(await withStore(command, ({ store }) => store.rotateToken(conversation, options.participant)), options);
    });
}

function defineRemove(group: Command): void {
  addVerb(group, 'remove <ref>', {
    does: 'remove a conversation with its messages, mails and attachments',
    examples: ['conversation remove acme#12', 'conversation remove acme#12 --yes'],
  })
    .option('--yes', 'do not ask')
    .addOption(jsonOption())
    .action(async (ref: string, options: Json & { yes?: true }, command: Command) => {
      const wanted = readRef(ref);
      await withStore(command, async ({ store }) => {
        const conversation = await store.conversation(wanted);
        const name = refText(conversation);
        if (
          !(await confirmRemoval(`conversation ${name} with ${plural(conversation.messages?.length ?? 0, 'message')}`, {
            ...options,
            unasked: 'remove',
          }))
        )
          return;
        await store.removeConversation({ id: conversation.id });
        if (options.json) printJson(conversation);
        else print(`removed conversation ${name}`);
      });
    });
}

function showHead(conversation: Conversation, options: Json): void {
  if (options.json) printJson(conversation);
  else print(headView(conversation));
}

async function readText(value: string): Promise<string> {
  return value === '-' ? (await readStandardInput()).replace(/\r\n?/g, '\n').replace(/\n+$/, '') : value;
}
