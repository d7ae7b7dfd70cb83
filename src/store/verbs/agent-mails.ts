/**
 * Files a mail that came to an agent's own reply address: `rules/agent-mail.ts` decides what becomes of it. Nothing of the
 * mail but his words and files stands in the message: no id, no field of its header, no HTML.
 */
import type { Filing } from '../../conversation/filing.js';
import { commandsIn } from '../../conversation/rules/agent-commands.js';
import { type AgentMailDecision, decideAgentMail, HELD_MARK, seenSeq } from '../../conversation/rules/agent-mail.js';
import { encodedSize } from '../../conversation/rules/continuity.js';
import { carriesLoopMark } from '../../conversation/rules/loop.js';
import { foldAddress } from '../../mail/address.js';
import { isCarried } from '../../mail/agent-mail.js';
import { NO_AUTHENTICATION } from '../../mail/authentication.js';
import { byKey } from '../by-key.js';
import { encodeId } from '../ids.js';
import type { ConversationRow } from '../rows.js';
import { type StoreTx, toJson } from '../tx.js';
import { assigneeNamed, doCommands } from './agent-commands.js';
import type { AddressedAgent } from './agent-tokens.js';
import { advance, emitNumbered } from './events.js';
import { resumeAgent } from './followers.js';
import { HELD, type InsertedAttachment, insertAttachments, insertMessage, writeMessage } from './messages.js';
import { filedAttachments } from './reading-columns.js';
import type { Place } from './threading.js';
import { verdictFields } from './verification.js';

/** Of an answer that is mailed; what is longer is held. */
const MAX_TEXT = 256 * 1024;

/** A mail that came to an agent's own address in a conversation. */
interface AgentMail {
  readonly filing: Filing;
  readonly conversation: ConversationRow;
  readonly agent: AddressedAgent;
  /** What threaded it. */
  readonly threaded: readonly string[];
  readonly files: readonly InsertedAttachment[];
  /** Columns of the message that tell of the mail. */
  readonly columns: {
    readonly key: number;
    readonly mail_key: number;
    readonly content_key: Uint8Array;
    readonly sender: string;
  };
}

export async function fileAgentMail(
  tx: StoreTx,
  filing: Filing,
  at: {
    readonly places: readonly Place[];
    readonly mailKey: number;
    readonly messageKey: number;
    readonly contentKey: Uint8Array;
  },
): Promise<void> {
  const from = filing.reading?.mail.from?.email ?? '';
  const places = at.places.filter(place => place.agent !== undefined);
  // Of several agents' addresses his own counts.
  const place = places.find(each => foldAddress(each.agent!.email) === foldAddress(from)) ?? places[0]!;
  const agent = place.agent!;
  const conversation = (await byKey(tx, 'conversation', place.conversation.key))!;
  const { reading } = filing;
  const said = reading?.agent === undefined ? null : commandsIn(reading.agent.answer.text);
  const wanted = said?.commands.assign ?? null;
  // Nobody leaves the account meanwhile.
  if (wanted !== null) await tx.lock('account', [conversation.account_key]);
  const assignee = wanted === null ? null : await assigneeNamed(tx, conversation.account_key, { wanted, agent });
  const pictures = reading?.agent?.pictures ?? [];
  const files = filedAttachments(filing).filter(file => isCarried(file, pictures));
  const { headers } = reading?.mail ?? { headers: [] };
  const circumstances = {
    purpose: agent.purpose,
    kind: reading?.kind ?? null,
    ownMail: carriesLoopMark(headers, encodeId('account', place.account.key)),
    read: reading?.agent ?? null,
    agent,
    isOn: place.account.agent_mail === 1,
    dmarc: filing.authentication?.dmarc ?? null,
    dmarcFrom: filing.authentication?.dmarcFrom ?? null,
    login: filing.login ?? filing.authentication?.login ?? null,
    conversation: { account: agent.slug, number: conversation.number, lastSeq: conversation.next_seq - 1 },
  };
  const seq = seenSeq(circumstances);
  const decision = decideAgentMail({
    ...circumstances,
    newer: seq === null ? [] : await writersSince(tx, conversation, { seq, agent }),
    assignee: assignee?.kind ?? null,
    unmailable: unmailable(tx, said?.text ?? '', files),
  });
  const verdicts = verdictFields(filing.authentication ?? NO_AUTHENTICATION);
  const mail: AgentMail = {
    filing,
    conversation,
    agent,
    threaded: place.evidence,
    files,
    columns: {
      key: at.messageKey,
      mail_key: at.mailKey,
      content_key: at.contentKey,
      sender: toJson({
        is_participant: false,
        token_of: null,
        ...verdicts,
        evidence: [
          ...(from === '' || foldAddress(from) === foldAddress(agent.email) ? [] : [`From says ${from}`]),
          ...verdicts.evidence,
        ],
      }),
    },
  };
  await carryOut(tx, mail, decision);
  if (decision.kind === 'robot' || decision.kind === 'held') return;
  await resumeAgent(tx, agent.key);
  const to = assignee?.kind === 'one' ? assignee.id : null;
  await doCommands(tx, conversation.key, { agentKey: agent.key, commands: decision.said.commands, assignee: to });
}

async function carryOut(tx: StoreTx, mail: AgentMail, decision: AgentMailDecision): Promise<void> {
  const { filing, conversation, agent, threaded, files, columns } = mail;
  const evidence = [
    ...filing.evidence,
    ...threaded,
    ...(filing.reading === null ? [`unparsed: ${filing.reason}`] : []),
  ];
  switch (decision.kind) {
    case 'robot':
      return insertOwn(tx, mail, {
        kind: filing.reading!.kind === 'list' ? 'reply' : filing.reading!.kind,
        direction: 'note',
        text: filing.reading!.text.text,
        evidence: [...evidence, ...filing.reading!.evidence, decision.evidence],
        event: 'message.created',
      });
    case 'held': {
      const isNote = decision.as === 'note';
      await insertOwn(tx, mail, {
        kind: isNote ? 'note' : 'reply',
        direction: isNote ? 'note' : 'outgoing',
        text: decision.text,
        evidence: [...evidence, `${HELD_MARK}${decision.reason}`],
        event: 'message.held',
      });
      const kept = { ...decision.said.commands, note: false };
      await tx.insert('held_commands', { message_key: columns.key, commands: JSON.stringify(kept) });
      return;
    }
    case 'answer':
    case 'note':
    case 'commands': {
      const proof = provenBy(filing, agent);
      await writeMessage(
        tx,
        conversation,
        {
          direction: decision.kind === 'answer' ? 'outgoing' : 'note',
          text: decision.text,
          format: 'plain',
          agent: { id: encodeId('agent', agent.key) },
          attachments: files.map(({ filename, contentType, content }) => ({
            filename,
            content_type: contentType,
            content,
          })),
          via: filing.via,
        },
        { ...columns, evidence: toJson([...evidence, `${decision.kind} by mail, ${proof}`]) },
      );
      return;
    }
  }
}

function provenBy(filing: Filing, agent: AddressedAgent): string {
  return filing.authentication?.dmarc === 'pass'
    ? `proven by DMARC of ${agent.email}`
    : `sent by a connection of ${agent.email}`;
}

/** A message without any effect so far. */
async function insertOwn(
  tx: StoreTx,
  { filing, conversation, agent, files, columns }: AgentMail,
  what: {
    readonly kind: 'reply' | 'note' | 'auto_reply' | 'bounce' | 'receipt' | 'complaint';
    readonly direction: 'note' | 'outgoing';
    readonly text: string;
    readonly evidence: readonly string[];
    readonly event: 'message.created' | 'message.held';
  },
): Promise<void> {
  const { kind, direction, text, event } = what;
  const step = await advance(tx, conversation, { messages: 1, events: 1 });
  await insertMessage(tx, {
    ...columns,
    conversation_key: conversation.key,
    seq: step.seq,
    direction,
    kind,
    author_name: agent.name,
    author_email: agent.email,
    author_role: 'agent',
    agent_key: agent.key,
    text,
    format: 'plain',
    via: filing.via,
    mail_intent: direction === 'outgoing' ? 'auto' : null,
    held: event === 'message.held' ? HELD : 0,
    evidence: toJson(what.evidence),
  });
  await insertAttachments(tx, { key: columns.key, conversation_key: conversation.key }, files);
  emitNumbered(tx, conversation, step.eventSeq, [{ type: event, messageKey: columns.key }]);
}

/** People who wrote behind this message, beside him. */
async function writersSince(
  tx: StoreTx,
  conversation: ConversationRow,
  { seq, agent }: { readonly seq: number; readonly agent: AddressedAgent },
): Promise<readonly string[]> {
  const rows = await tx.all<{ author_name: string; author_email: string | null }>(
    `select author_name, author_email from message
     where conversation_key = $1 and seq > $2 and direction <> 'note' and held = 0 and looping = 0
       and kind in ('reply', 'channel', 'list') and (agent_key is null or agent_key <> $3)
     order by seq limit 10`,
    conversation.key,
    seq,
    agent.key,
  );
  return rows.map(row => row.author_name || row.author_email || 'somebody');
}

function unmailable(tx: StoreTx, text: string, files: readonly InsertedAttachment[]): string | null {
  if (text.length > MAX_TEXT) return `it has more than ${MAX_TEXT} characters`;
  const attachmentBytes = files.reduce((sum, file) => sum + file.content.size, 0);
  const size = encodedSize({ textBytes: Buffer.byteLength(text), attachmentBytes });
  return size <= tx.rules.maxSize ? null : `it is larger than a mail may be (outbound.max_size): about ${size} bytes`;
}
