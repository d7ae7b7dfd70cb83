/**
 * Raw bytes to a Mail: the front of the MIME parser, which is loaded on first use (65 ms) because most commands read no
 * mail. Attachments go to a keeper in decoded pieces of 64 KiB, so that a large one is not held twice; of a text part 4
 * MiB are read.
 *
 * Every mail that has any order in it is read, however broken: unknown charsets, missing boundaries, headers without
 * end. What cannot be read (more than 1,000 parts or 50 levels of them, a header above 1 MiB) is a ReplydError
 * `invalid`, and so is a fault of the parser itself: the caller files that mail unread with its raw bytes. A failure of
 * the keeper is passed on as it is: that is our trouble, not the mail's.
 */
import { errorText, ReplydError } from '../base/errors.js';
import type { AttachmentKeeper, Mail } from './mail.js';

/** Keeps attachments in memory: for small mails, tests and `mail explain`. */
export const keepInMemory: AttachmentKeeper = {
  async keep(content) {
    return { bytes: Buffer.concat([...content]) };
  },
};

let assembly: typeof import('./mime/assemble.js') | undefined;

/** Reads one mail. Throws `invalid` and what the keeper threw; see above. */
export async function parseMail(bytes: Uint8Array, keeper: AttachmentKeeper): Promise<Mail> {
  assembly ??= await import('./mime/assemble.js');
  let keeperFault: { readonly error: unknown } | undefined;
  const watched: AttachmentKeeper = {
    async keep(content) {
      try {
        return await keeper.keep(content);
      } catch (error) {
        keeperFault ??= { error };
        throw error;
      }
    },
  };
  try {
    return await assembly.assembleMail(bytes, watched);
  } catch (error) {
    if (keeperFault !== undefined) throw keeperFault.error;
    throw new ReplydError('invalid', `The mail cannot be read: ${errorText(error)}`, { cause: error });
  }
}
