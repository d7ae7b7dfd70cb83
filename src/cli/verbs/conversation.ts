/** `replyd conversation …`: start, list, show, answer, note, resolve, reopen, seen, rotate-token, assign, remove. */
import type { Command } from 'commander';
import type { Channel, Conversation } from '../../conversation/model.js';
import type { ConversationFilter } from '../../conversation/store.js';
import { CHANNELS, CONVERSATION_STATUSES } from '../../conversation/vocabulary.js';
import { placeFiles, readFiles } from '../attach.js';
import { hintWithoutDaemon, loadSettings, withStore } from '../context.js';
import { usageError } from '../errors.js';
import { collect, given, oneOf, readAddress, readDuration, readMailbox, readRef, readSourceId } from '../readers.js';
import { confirmRemoval, type Yes, yesOption } from '../terminal/confirm.js';
import { personText, timeText } from '../terminal/render.js';
import { table } from '../terminal/table.js';
import { hint, readStandardInput } from '../terminal/terminal.js';
import { headView, messageView, plural, refText, threadView } from '../terminal/thread.js';
import {
  type Call,
  defineListVerb,
  defineResultVerb,
  defineStoreVerb,
  option,
  required,
  type StoreCall,
} from '../verb.js';

export function defineConversation(group: Command): void {
  defineStart(group);

  defineListVerb(group.command('list'), {
    does: 'list conversations, the latest activity first',
    examples: [
      'conversation list --account acme --status open',
      'conversation list --contact maria@example.org --limit 5 --json',
    ],
    options: [
      option('--account <slug>', 'of this account'),
      option('--status <status>', CONVERSATION_STATUSES.join(' or '), oneOf('status', CONVERSATION_STATUSES)),
      option('--contact <address>', 'of this customer'),
      option('--assignee <address>', 'assigned to this agent, or none'),
      option('--held', 'with a message that is held'),
      channelOption('that began there'),
    ],
    rows: (store, filter: ConversationFilter) => store.conversations(filter),
    view: conversations =>
      table(conversations, [
        { title: 'ref', of: refText },
        { title: 'status', of: each => each.status },
        { title: 'contact', of: each => personText(each.contact), shrinks: true, whole: true },
        { title: 'channel', of: each => each.channel },
        // Most shops assign nothing, and 80 columns are few.
        ...(conversations.some(each => each.assignee !== null)
          ? [{ title: 'assigned to', of: (each: Conversation) => each.assignee?.name ?? null, shrinks: true }]
          : []),
        { title: 'subject', of: each => each.subject, shrinks: true },
        { title: 'last activity', of: each => timeText(each.last_activity_at) },
      ]),
  });

  defineStoreVerb(group.command('show <ref>'), {
    does: 'show a conversation with its messages',
    examples: ['conversation show acme#12', 'conversation show acme:12 --json'],
    run: async ({ store }, ref) => store.conversation(readRef(ref)),
    view: threadView,
  });

  defineReply(group);

  defineStoreVerb(group.command('note <ref>'), {
    does: 'add a note that only the team sees',
    examples: [
      'conversation note acme#12 --text "Called him, parcel found."',
      'conversation note acme#12 --text - < call.txt',
    ],
    options: [required('--text <text>', 'the note; - reads standard input'), option('--agent <name>', 'who wrote it')],
    async run({ store, options: { text, agent: name } }: StoreCall<{ text: string; agent?: string }>, ref) {
      return store.addMessage(readRef(ref), {
        direction: 'note',
        text: await readText(text, 'note'),
        ...given({ agent: name === undefined ? undefined : { name } }),
        via: 'cli',
      });
    },
    view: messageView,
  });

  for (const [word, status, does] of [
    ['resolve', 'resolved', 'mark as resolved; an answer of the customer opens it again'],
    ['reopen', 'open', 'mark as open'],
  ] as const) {
    defineStoreVerb(group.command(`${word} <ref>`), {
      does,
      examples: [`conversation ${word} acme#12`, `conversation ${word} acme:12 --json`],
      run: async ({ store }, ref) => store.setConversation(readRef(ref), { status }),
      view: headView,
    });
  }

  defineStoreVerb(group.command('seen <ref>'), {
    does: 'the customer saw it in the channel: what waits is not mailed',
    examples: ['conversation seen acme#12'],
    run: async ({ store }, ref) => store.seen(readRef(ref)),
    view: headView,
  });

  defineStoreVerb(group.command('rotate-token <ref>'), {
    does: 'give a participant a new reply address and revoke the old',
    examples: ['conversation rotate-token acme#12', 'conversation rotate-token acme#12 --participant bo@example.net'],
    options: [option('--participant <address>', "a participant's address or id (default: the contact)")],
    run: async ({ store, options }: StoreCall<{ participant?: string }>, ref) =>
      store.rotateToken(readRef(ref), options.participant),
    view: headView,
  });

  defineStoreVerb(group.command('assign <ref> <email>'), {
    does: 'assign it to an agent of its account, or to nobody (none)',
    examples: ['conversation assign acme#12 anna@acme.example', 'conversation assign acme#12 none'],
    run: async ({ store }, ref, email) => store.assignConversation(readRef(ref), email === 'none' ? null : email),
    view: headView,
  });

  defineStoreVerb(group.command('cc <ref> [action] [address]'), {
    does: 'show who gets the answers beside the customer; add somebody, or remove him',
    examples: [
      'conversation cc acme#12',
      'conversation cc acme#12 add bo@example.net',
      'conversation cc acme#12 remove bo@example.net',
    ],
    more: [
      'Actions: list (the default), add, remove.',
      'Customers bring in others with Cc, as cc_policy of the account says. Who is suggested gets answers when he is added.',
      'Who was removed comes back only when he is added again.',
    ].join('\n'),
    async run({ store }, ref, action = 'list', address = '') {
      const act = oneOf('action', ['list', 'add', 'remove'] as const)(action);
      if ((act === 'list') !== (address === '')) {
        throw usageError(
          act === 'list' ? 'list takes no address' : `say whom to ${act}: conversation cc REF ${act} ADDRESS`,
        );
      }
      if (act === 'add') return store.addCc(readRef(ref), readMailbox(address));
      return act === 'remove'
        ? store.removeCc(readRef(ref), address)
        : store.conversation(readRef(ref), { messages: 1 });
    },
    view: headView,
  });

  defineStoreVerb(group.command('remove <ref>'), {
    does: 'remove a conversation with its messages, mails and attachments',
    examples: ['conversation remove acme#12', 'conversation remove acme#12 --yes'],
    options: [yesOption()],
    async run({ store, options }: StoreCall<Yes>, ref) {
      const conversation = await store.conversation(readRef(ref));
      const { messages = [], earlier_messages: earlier = 0 } = conversation;
      const count = plural(earlier + messages.length, 'message');
      await confirmRemoval(`conversation ${refText(conversation)} with ${count}`, options);
      await store.removeConversation({ id: conversation.id });
      return conversation;
    },
    view: conversation => `removed conversation ${refText(conversation)}`,
  });
}

interface StartOptions {
  readonly account: string;
  readonly contact: string;
  readonly contactName?: string;
  readonly channel: Channel;
  readonly sourceId?: string;
  readonly subject?: string;
  readonly text?: string;
  readonly token?: string;
}

function defineStart(group: Command): void {
  defineStoreVerb(group.command('start'), {
    does: 'start a conversation',
    examples: [
      'conversation start --account acme --contact maria@example.org --text "Where is my parcel?"',
      'conversation start --account acme --contact bo@example.org --contact-name Bo --channel whatsapp --source-id wa-77',
      'conversation start --account acme --contact bo@example.org --channel email --subject "Order 4711" --json',
    ],
    more: '--text is what the customer said in the channel. --token takes over a token that another system has given to the customer, so that answers to its mails are understood. With the --source-id of a conversation of that channel nothing is added, and that one is printed.',
    options: [
      required('--account <slug>', 'whose conversation it is'),
      required('--contact <address>', 'the customer', readAddress),
      option('--contact-name <name>', "the customer's name"),
      channelOption(`where it began: ${CHANNELS.join(', ')}`).default('api'),
      option('--source-id <id>', "the application's own id of the conversation", readSourceId),
      option('--subject <text>', 'subject of its mails'),
      option('--text <text>', 'what the customer said; - reads standard input'),
      option('--token <token>', 'an existing token of the customer'),
    ],
    async run({ store, options }: StoreCall<StartOptions>) {
      const { account, channel, contact: email, contactName: name, sourceId: source_id, subject, token } = options;
      const text = options.text === undefined ? undefined : await readText(options.text, 'text');
      const contact = { email, ...given({ name }) };
      return store.startConversation({
        account,
        channel,
        contact,
        ...given({ source_id, subject, text, token }),
        via: 'cli',
      });
    },
    view: headView,
    after(conversation, { options }) {
      if (options.json) return;
      if ('known' in conversation) hint('It was there: nothing was added.');
      hint(`\nAnswer with: replyd conversation reply ${refText(conversation)} --text …`);
    },
  });
}

function channelOption(does: string) {
  return option('--channel <channel>', does, oneOf('channel', CHANNELS));
}

interface ReplyOptions {
  readonly text: string;
  readonly agent?: string;
  readonly agentEmail?: string;
  readonly attach?: readonly string[];
  readonly cc?: readonly string[];
  readonly delay?: number;
}

function defineReply(group: Command): void {
  defineResultVerb(group.command('reply <ref>'), {
    does: 'answer as an agent; the answer is mailed at once',
    examples: [
      'conversation reply acme#12 --text "It is on its way." --agent Anna',
      'conversation reply acme#12 --text - --agent Anna --agent-email anna@acme.example < answer.md',
      'conversation reply acme#12 --text "See the invoice." --attach invoice.pdf --cc "Bo <bo@example.net>" --delay 10m',
    ],
    more: 'The text may be Markdown.',
    options: [
      required('--text <text>', 'the answer; - reads standard input'),
      option('--agent <name>', 'who answers'),
      option('--agent-email <address>', "the agent's own address, kept with the message", readAddress),
      option('--attach <file>', 'a file to send along, may be given several times', collect),
      option('--cc <address>', 'somebody else who gets a copy, may be given several times', collect),
      option('--delay <duration>', 'how long the mail waits, such as 10m', typed => readDuration('--delay', typed)),
    ],
    async run({ command, options }: Call<ReplyOptions>, ref) {
      const { agent: name, agentEmail: email = null, attach = [], cc = [], delay } = options;
      const conversation = readRef(ref);
      if (email !== null && name === undefined) throw usageError('--agent-email needs --agent');
      const agent = name === undefined ? undefined : { name, email };
      const text = await readText(options.text, attach.length > 0 ? null : 'answer');
      const loaded = await loadSettings(command);
      const files = await readFiles(attach, loaded.config);
      return withStore(
        command,
        async ({ store }) => {
          const added = await store.addMessage(conversation, {
            direction: 'outgoing',
            text,
            mail: 'now',
            cc: cc.map(readMailbox),
            ...given({ agent, delay }),
            attachments: await placeFiles(store, files),
            via: 'cli',
          });
          await hintWithoutDaemon(loaded);
          return added;
        },
        { loaded },
      );
    },
    view: messageView,
  });
}

/** The text that was given, or standard input for `-`. Throws a usage error when `what` must not be empty and is. */
async function readText(given: string, what: string | null): Promise<string> {
  const text = given === '-' ? (await readStandardInput()).replace(/\r\n?/g, '\n').replace(/\n+$/, '') : given;
  if (what !== null && text.trim() === '')
    throw usageError(`the ${what} is empty: give --text its words, or - and them on standard input`);
  return text;
}
