/**
 * What to do, behind an error of the store: the store says what is missing, and only the command line knows the commands
 * and may look at what all accounts have.
 */
import { isReplydError, ReplydError } from '../base/errors.js';
import { nearestText } from '../config/nearest.js';
import type { Store } from '../conversation/store.js';
import { decodeId, isIdKind, prefixOf } from '../store/ids.js';

/** The same error with advice, or the very one where there is none. */
export async function advised(error: unknown, store: Store): Promise<unknown> {
  if (!isReplydError(error, 'not_found')) return error;
  const advice = await adviceFor(error, store).catch(() => '');
  if (advice === '') return error;
  return new ReplydError(error.code, error.message + advice, { details: error.details, cause: error });
}

async function adviceFor({ code, message }: ReplydError, store: Store): Promise<string> {
  if (code === 'account_not_found') {
    const near = nearestText(
      /"(.*)"$/.exec(message)?.[1] ?? '',
      (await store.accounts()).map(({ slug }) => slug),
    );
    return near || ': `replyd account list` shows them';
  }
  if (code === 'agent_not_found') return ': `replyd agent list` shows them';
  const listed = /^there is no (key|hook|contact) \w+_/.exec(message)?.[1];
  if (listed !== undefined) return `: \`replyd ${listed} list\` shows them`;
  const account = /^account (\S+) has no conversation #/.exec(message)?.[1];
  if (account !== undefined) return `: \`replyd conversation list --account ${account}\` shows them`;
  const [, kind = '', typed = ''] = /^there is no (\w+) "(.*)"$/.exec(message) ?? [];
  if (!isIdKind(kind) || decodeId(kind, typed) !== null) return '';
  return `: the id of a ${kind} begins with ${prefixOf(kind)}`;
}
