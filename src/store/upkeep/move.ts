/**
 * Moving a store to another engine or place: everything is copied from one moment on, in which nobody writes; the copy is
 * read again and has to be the same; then it takes its place, and only then the old store is marked. Whoever opens a marked
 * store is told where it went. When anything goes wrong before, the old store is as it was and the new one is not there.
 * When only the mark fails, both are there, and the error says which one is to be used.
 */
import { ReplydError, reasonText } from '../../base/errors.js';
import {
  type MovedSource,
  type NewStore,
  type Progress,
  refuseDifferent,
  type Summary,
  summarize,
  transfer,
} from './rows.js';

export type MoveProgress = ({ readonly doing: 'copying' | 'comparing' } & Progress) | { readonly doing: 'indexing' };

/** `name`: what the old store says of where it went. Gives what was copied. */
export async function moveStore(
  from: MovedSource,
  to: NewStore,
  options: { readonly name: string; readonly progress?: (at: MoveProgress) => void },
): Promise<Summary> {
  const { name, progress = () => {} } = options;
  const copied = await transfer(from, to, at => progress({ doing: 'copying', ...at }));
  progress({ doing: 'indexing' });
  await to.finish(async made => {
    refuseDifferent(await summarize(made, from.tables, at => progress({ doing: 'comparing', ...at })), copied);
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
