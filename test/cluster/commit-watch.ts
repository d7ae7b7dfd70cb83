/**
 * Finds COMMIT in what a client and its PostgreSQL say (protocol 3.0, messages of a byte and a length): as a simple query,
 * or as a prepared statement of that text that is bound. A connection with TLS says nothing that can be read.
 */
const QUERY = 'Q'.charCodeAt(0);
const PARSE = 'P'.charCodeAt(0);
const BIND = 'B'.charCodeAt(0);
const TAG = 'C'.charCodeAt(0);

export interface CommitWatch {
  /** What the client said. Whether a COMMIT is in it. */
  sent(bytes: Buffer): boolean;
  /** What the server said. Whether it committed. */
  answered(bytes: Buffer): boolean;
}

export function newCommitWatch(): CommitWatch {
  const named = new Map<string, string>();
  // A client begins with a message that has no kind.
  const ofClient = messages(false);
  const ofServer = messages(true);
  return {
    sent: bytes =>
      ofClient(bytes).some(({ kind, body }) => {
        if (kind === QUERY) return isCommit(textAt(body, 0));
        if (kind === PARSE) {
          const name = textAt(body, 0);
          named.set(name, textAt(body, name.length + 1));
        }
        return kind === BIND && isCommit(named.get(textAt(body, textAt(body, 0).length + 1)) ?? '');
      }),
    answered: bytes => ofServer(bytes).some(({ kind, body }) => kind === TAG && textAt(body, 0) === 'COMMIT'),
  };
}

function isCommit(text: string): boolean {
  return text.trim().toLowerCase() === 'commit';
}

/** Up to its NUL. */
function textAt(body: Buffer, at: number): string {
  return body.toString('latin1', at, body.indexOf(0, at));
}

interface Message {
  readonly kind: number;
  readonly body: Buffer;
}

/** Takes bytes as they come, and gives the messages that are whole by then. */
function messages(begun: boolean): (bytes: Buffer) => readonly Message[] {
  let rest: Buffer = Buffer.alloc(0);
  let started = begun;
  return bytes => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    const found: Message[] = [];
    for (;;) {
      const head = started ? 1 : 0;
      if (rest.length < head + 4) return found;
      const end = head + rest.readUInt32BE(head);
      if (rest.length < end) return found;
      if (started) found.push({ kind: rest[0]!, body: rest.subarray(5, end) });
      started = true;
      rest = rest.subarray(end);
    }
  };
}
