/**
 * Moving a store to another engine or place: everything is copied from one moment on, in which nobody writes; the copy is
 * read again and has to be the same; then it takes its place, and only then the old store is marked. Whoever opens a marked
 * store is told where it went. When anything goes wrong before, the old store is as it was and the new one is not there.
 * When only the mark fails, both are there, and the error says which one is to be used.
 */
import { ReplydError, reasonText } from '../../base/errors.js';
import { doing, TELL_NOBODY, type Tell } from './progress.js';
import { type MovedSource, type NewStore, refuseDifferent, type Summary, summarize, transfer } from './rows.js';

/** `name`: what the old store says of where it went. Gives what was copied. */
export async function moveStore(
  from: MovedSource,
  to: NewStore,
  options: { readonly name: string; readonly progress?: Tell },
): Promise<Summary> {
  const { name, progress = TELL_NOBODY } = options;
  const copied = await transfer(from, to, doing('copying', progress));
  progress({ doing: 'making indexes', done: 0, total: null });
  await to.finish(async made => {
    refuseDifferent(await summarize(made, from.tables, doing('comparing', progress)), copied);
  });
  try {
    await from.markMoved(name);
  } catch (error) {
    throw new ReplydError(
      'unavailable',
      `all is at ${name}, but the old store could not be marked (${reasonText(error)}): use it no more`,
      { cause: error },
    );
  }
  return copied;
}
