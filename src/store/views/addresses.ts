/**
 * Addresses with a token, as they are written in this store. None is ever stored: it is made from the token, the account's
 * first domain and the configured prefix and separator.
 */
import { formatReplyAddress, type Separator } from '../../mail/address.js';
import type { StoreTx } from '../tx.js';

export function replyAddress(tx: StoreTx, written: string, domain: string): string {
  return formatReplyAddress(tx.rules.prefixes[0]!, separator(tx), written, domain);
}

export function bounceAddress(tx: StoreTx, token: string, domain: string): string {
  return formatReplyAddress('bounce', separator(tx), token, domain);
}

export function inboxAddress(tx: StoreTx, token: string, domain: string): string {
  return formatReplyAddress('inbox', separator(tx), token, domain);
}

function separator(tx: StoreTx): Separator {
  return tx.rules.separator as Separator;
}
