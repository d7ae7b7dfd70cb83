/**
 * What an account takes from nobody: mail of the addresses and domains on its block list. Pure; a blocked writer's mail
 * is refused (550) and stored nowhere. Reports of MTAs on our own mails are taken from everybody, so that a blocked
 * domain's bounces still stand at their deliveries.
 */
import { foldAddress, normalizeAddress, normalizeDomain } from '../../mail/address.js';
import type { HeaderField } from '../../mail/mail.js';

/**
 * One entry in the form `blockingEntry` reads: an address, or a domain with all of its subdomains (`example.com`,
 * `@example.com`). Null when it is neither.
 */
export function blockEntry(text: string): string | null {
  const trimmed = text.trim();
  if (trimmed.lastIndexOf('@') > 0) {
    const address = normalizeAddress(trimmed);
    return address === null ? null : foldAddress(address);
  }
  const domain = normalizeDomain(trimmed.replace(/^@/, ''));
  return domain?.includes('.') ? domain : null;
}

/** The entry that one of these addresses (From, envelope sender) is on the list by, itself or its domain; else null. */
export function blockingEntry(
  entries: readonly string[],
  addresses: readonly (string | null | undefined)[],
): string | null {
  if (entries.length === 0) return null;
  const list = new Set(entries);
  for (const each of addresses) {
    const address = each ? normalizeAddress(each) : null;
    if (address === null) continue;
    const labels = address.slice(address.lastIndexOf('@') + 1).split('.');
    const names = [foldAddress(address), ...labels.map((_, index) => labels.slice(index).join('.'))];
    const entry = names.find(name => list.has(name));
    if (entry !== undefined) return entry;
  }
  return null;
}

export const SPAM_FIELD = 'x-spam-flag';

/** What the spam filter in front says; `decideEffects` says whether it counts. */
export function isFlaggedAsSpam(headers: readonly HeaderField[]): boolean {
  return headers.some(field => field.name === SPAM_FIELD && /^yes\b/i.test(field.value.trim()));
}
