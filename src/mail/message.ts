/**
 * Raw bytes to a Mail: the front of the MIME parser, which is loaded on first use (65 ms) because most commands read no
 * mail. Attachments are streamed to a keeper while they arrive, so that a 30 MiB one never stands in memory whole; text
 * is held up to 4 MiB a part.
 *
 * Every mail that has any order in it is read, however broken: unknown charsets, missing boundaries, headers without
 * end. What cannot be read (more than 1,000 parts or 50 levels of them, a header above 1 MiB) is a ReplydError
 * `invalid`, and so is a fault of the parser itself: the caller files that mail unread with its raw bytes. A failure of
 * the source or of the keeper is passed on as it is: that is our trouble, not the mail's.
 */
import { errorText, ReplydError } from '../base/errors.js';
import type { Content, Mail } from './mail.js';

/** Where attachments go. */
export interface AttachmentKeeper {
  /** Reads the decoded bytes to their end and says where they are. */
  keep(content: AsyncIterable<Uint8Array>): Promise<Content>;
}

/** Keeps attachments in memory: for small mails, tests and `mail explain`. */
export const keepInMemory: AttachmentKeeper = {
  async keep(content) {
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece);
    return { bytes: Buffer.concat(pieces) };
  },
};

let assembly: typeof import('./mime/assemble.js') | undefined;

/** Reads one mail. Throws `invalid` and what the source or the keeper threw; see above. */
export async function parseMail(
  source: Uint8Array | AsyncIterable<Uint8Array>,
  keeper: AttachmentKeeper,
): Promise<Mail> {
  assembly ??= await import('./mime/assemble.js');
  const outside = new OutsideFaults();
  try {
    return await assembly.assembleMail(outside.source(source), outside.keeper(keeper));
  } catch (error) {
    if (outside.caught === undefined) {
      throw new ReplydError('invalid', `The mail cannot be read: ${errorText(error)}`, { cause: error });
    }
    throw outside.caught.error;
  }
}

/** Remembers what failed outside of the parser, whatever the streams in between make of it. */
class OutsideFaults {
  caught: { readonly error: unknown } | undefined;

  source(source: Uint8Array | AsyncIterable<Uint8Array>): Uint8Array | AsyncIterable<Uint8Array> {
    return source instanceof Uint8Array ? source : this.#watched(source);
  }

  keeper(keeper: AttachmentKeeper): AttachmentKeeper {
    return {
      keep: async content => {
        // A keeper that fails because the content did is not at fault.
        let contentFailed = false;
        const watched = async function* () {
          try {
            yield* content;
          } catch (error) {
            contentFailed = true;
            throw error;
          }
        };
        try {
          return await keeper.keep(watched());
        } catch (error) {
          if (!contentFailed) this.caught ??= { error };
          throw error;
        }
      },
    };
  }

  async *#watched(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* source;
    } catch (error) {
      this.caught ??= { error };
      throw error;
    }
  }
}
