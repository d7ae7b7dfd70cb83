/** When an agent is told by mail of what was written, and why not. Pure. */

/** Notifications to an agent in an hour; further ones wait and gather. */
export const IN_HOUR = 60;
const HOUR = 3_600_000;
/** Between two about one conversation. */
export const PAUSE = 60_000;

/** Of notifications to one agent about one conversation: they go in their order. */
export function agentOrder(of: {
  readonly conversation: number;
  readonly agent: number;
  readonly purpose: 'answer' | 'note';
}): string {
  return `notice:${of.conversation}:${of.agent}:${of.purpose}`;
}

/**
 * `toldAt`: when the last one about this conversation went. `fullAt`: when the one was due behind which there are
 * `IN_HOUR` more; null: there is none.
 */
export function noticeDue(at: {
  readonly now: number;
  readonly toldAt: number | null;
  readonly fullAt: number | null;
}): number {
  const { now, toldAt, fullAt } = at;
  return Math.max(now, toldAt === null ? now : toldAt + PAUSE, fullAt === null ? now : fullAt + HOUR);
}

/** Why a notification that is due is not sent after all; null: it is. */
export function noticeRefusal(at: {
  readonly isOn: boolean;
  readonly takesMail: boolean;
  readonly isMember: boolean;
  readonly isDisabled: boolean;
  readonly isSuspended: boolean;
  readonly isMuted: boolean;
}): string | null {
  if (!at.isOn) return 'agent_mail is off';
  if (!at.takesMail) return 'the account takes no mail, so nobody could answer';
  if (!at.isMember) return 'he does not belong to the account any more';
  if (at.isDisabled) return 'he is disabled';
  if (at.isSuspended) return 'his mailbox is dead';
  return at.isMuted ? 'he has muted the conversation' : null;
}
