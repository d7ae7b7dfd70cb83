/**
 * Mails that stand in no conversation are bounded, because anybody can bring them. RFC 5321 4.5.1 wants postmaster to be
 * reachable: a mail of up to 1 MiB always is. Pure.
 */
import type { Destination } from '../filing.js';

/** Bytes. A larger mail for the operator alone is refused (552 5.3.4); of a larger refused one only the record is kept. */
export const UNFILED_SIZE = 1024 * 1024;

/** True for mail to nobody but postmaster and abuse. */
export function isForOperatorAlone(destinations: readonly Destination[]): boolean {
  return destinations.length > 0 && destinations.every(({ kind }) => kind === 'operator');
}
