/**
 * What becomes of a mail that came to an agent's own reply address. Pure.
 *
 * | a mail                                                                  | becomes                                  |
 * |-------------------------------------------------------------------------|------------------------------------------|
 * | of a machine (automatic reply, report), or our own that came back       | filed, without any effect                |
 * | that does not prove that he sent it, or of one who may not act there    | held, as what was meant                  |
 * | whose marker is not found, is another conversation's, or below which    | held as a note: never mailed, also when  |
 * | words of the notification may have stayed                               | it is released                           |
 * | with a doubtful command, or without anything in it                      | held as a note                           |
 * | an answer, though somebody has written since what he saw                | held as an answer                        |
 * | with commands alone                                                     | they are done                            |
 * | to his address for notes, or with /note                                 | a note                                   |
 * | every other                                                             | his answer                               |
 *
 * Proven: From names one address, which is his, and DMARC passed for it or the connection was his (SMTP AUTH, told by a
 * trusted MTA). No verdict is none. Nobody is answered by mail about it: whoever forges a mail learns nothing.
 */
import { foldAddress, splitAddress } from '../../mail/address.js';
import type { ReadAgentMail } from '../../mail/agent-mail.js';
import type { MailKind } from '../../mail/mail.js';
import { type CommandedText, commandsIn, NO_COMMANDS } from './agent-commands.js';
import { isPersonal } from './hold.js';

export interface AgentMailCircumstances {
  /** Which of his two addresses it came to. */
  readonly purpose: 'answer' | 'note';
  /** Null: it cannot be read. */
  readonly kind: MailKind | null;
  /** It carries our loop mark. */
  readonly ownMail: boolean;
  /** Null: it cannot be read. */
  readonly read: ReadAgentMail | null;
  readonly agent: {
    readonly email: string;
    readonly isDisabled: boolean;
    /** He belongs to the account. */
    readonly isMember: boolean;
  };
  /** The account has the feature `agent_mail`. */
  readonly isOn: boolean;
  /** Verdict of a trusted checker or of our own; null: there is none. */
  readonly dmarc: string | null;
  /** The domain in From that the verdict is about, where the checker says so; programs may read a From field differently. */
  readonly dmarcFrom: string | null;
  /** Whom the connection authenticated, told by a trusted MTA; null: nobody. */
  readonly login: string | null;
  readonly conversation: { readonly account: string; readonly number: number; readonly lastSeq: number };
  /** Who wrote since the message in the marker, beside him and robots; asked for an answer whose marker counts. */
  readonly newer: readonly string[];
  /** Whom /assign names; `none`: nobody has this name. Asked where the command stands there. */
  readonly assignee: 'one' | 'none' | 'several' | 'disabled' | null;
  /** Why it cannot be mailed, such as its size; null: it can. */
  readonly unmailable: string | null;
}

export type AgentMailDecision =
  | { readonly kind: 'robot'; readonly evidence: string }
  | {
      readonly kind: 'held';
      /** What it is when somebody releases it. */
      readonly as: 'answer' | 'note';
      readonly reason: string;
      readonly text: string;
      /** What is done with it then. */
      readonly said: CommandedText;
    }
  | { readonly kind: 'answer' | 'note' | 'commands'; readonly text: string; readonly said: CommandedText };

/** In front of the reason in the evidence of what is held. */
export const HELD_MARK = 'held: ';

export function decideAgentMail(mail: AgentMailCircumstances): AgentMailDecision {
  if (mail.ownMail) return { kind: 'robot', evidence: 'loop' };
  if (mail.kind !== null && !isPersonal(mail.kind)) {
    return { kind: 'robot', evidence: `a machine's mail in the name of ${mail.agent.email}: no effect` };
  }
  const { read, purpose } = mail;
  if (read === null) return heldWhole('', doubtOfSender(mail) ?? 'it cannot be read');
  const said = commandsIn(read.answer.text);
  const unsafe = doubtOfContent(mail, read, said);
  const sender = doubtOfSender(mail);
  if (unsafe !== null) return heldWhole(read.answer.text, sender ?? unsafe);
  const isNote = purpose === 'note' || said.commands.note;
  const isBare = said.text === '' && read.files === 0;
  const as = isNote || isBare ? 'note' : 'answer';
  const text = isBare ? said.lines.join('\n') : said.text;
  const reason = sender ?? (as === 'answer' ? (doubtOfTime(mail) ?? mail.unmailable) : null);
  if (reason !== null) return { kind: 'held', as, reason, text, said };
  return { kind: isBare ? 'commands' : as, text, said };
}

/** What he was shown when he wrote: null where the marker does not say. */
export function seenSeq({ read, conversation }: Pick<AgentMailCircumstances, 'read' | 'conversation'>): number | null {
  const marker = read?.answer.marker ?? null;
  if (marker === null || marker.account !== conversation.account || marker.number !== conversation.number) return null;
  return marker.seq;
}

/** Nothing is cut out of it and nothing done with it. */
function heldWhole(text: string, reason: string): AgentMailDecision {
  return { kind: 'held', as: 'note', reason, text, said: { commands: NO_COMMANDS, lines: [], text, doubt: null } };
}

function doubtOfSender({ agent, isOn, read, dmarc, dmarcFrom, login }: AgentMailCircumstances): string | null {
  if (!isOn) return 'the account takes no mail of agents (agent_mail is off)';
  if (!agent.isMember) return `${agent.email} does not belong to the account any more`;
  if (agent.isDisabled) return `${agent.email} is disabled`;
  if (read === null) return null;
  const [from, ...others] = read.from;
  if (from === undefined) return 'it has no From field';
  if (others.length > 0) return 'From names several people';
  if (foldAddress(from) !== foldAddress(agent.email)) return `it is from ${from}, not from ${agent.email}`;
  if (login !== null && foldAddress(login) === foldAddress(agent.email)) return null;
  if (dmarc === 'pass') {
    const domain = splitAddress(from)?.domain.toLowerCase() ?? '';
    if (dmarcFrom === null || domain === dmarcFrom || domain.endsWith(`.${dmarcFrom}`)) return null;
    return `DMARC passed for ${dmarcFrom}, not for ${domain}`;
  }
  return `it does not prove that ${agent.email} sent it: DMARC is ${dmarc ?? 'not known'}, not pass`;
}

/** Why words that were not meant for the customer could be in it. */
function doubtOfContent(mail: AgentMailCircumstances, read: ReadAgentMail, said: CommandedText): string | null {
  const { answer } = read;
  const { account, number, lastSeq } = mail.conversation;
  if (answer.marker === null) return `its marker [${account}#${number}/…] is not found`;
  const seq = seenSeq(mail);
  if (seq === null) return `its marker is of another conversation (${answer.marker.account}#${answer.marker.number})`;
  if (seq > lastSeq) return 'its marker names a message that does not exist';
  if (answer.remains !== null) return answer.remains;
  if (read.suspectFile !== null) return `its attachment ${read.suspectFile} may be our own mail`;
  if (said.doubt !== null) return said.doubt;
  if (said.text === '' && read.files === 0 && said.lines.length === 0) return 'nothing stands above its marker';
  if (said.commands.note && said.text === '' && read.files === 0) return 'it is a note without words';
  if (said.commands.assign === null || mail.assignee === 'one') return null;
  const wanted = JSON.stringify(said.commands.assign);
  if (mail.assignee === 'several') return `several agents are named ${wanted}`;
  return mail.assignee === 'disabled' ? `the agent ${wanted} is disabled` : `no agent is named ${wanted}`;
}

function doubtOfTime({ newer }: AgentMailCircumstances): string | null {
  if (newer.length === 0) return null;
  const names = [...new Set(newer)].slice(0, 3).join(', ');
  return `it is stale: ${names} wrote since the message that it answers`;
}
