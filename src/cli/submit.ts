/**
 * Submits a mail to a door of a running daemon, as an MTA or a customer's provider does: for `demo` and `doctor`. The
 * mail library is loaded on the first call.
 */
import { connect, type Socket } from 'node:net';
import type { SendMailOptions } from 'nodemailer';
import { connectOptions, parseListen } from '../base/place.js';

const TIMEOUT = 10_000;

export interface Submission {
  readonly protocol: 'smtp' | 'lmtp';
  /** `host:port`, `[v6]:port` or `unix:/path`, as in listening.json. */
  readonly door: string;
  readonly mailFrom: string;
  readonly rcptTo: string;
  /** For the mail library: `raw`, or what it writes a mail of. */
  readonly mail: Pick<SendMailOptions, 'raw' | 'from' | 'to' | 'subject' | 'text'>;
}

/** A connection to the door. Throws the system's error; gives up after `timeout` milliseconds. */
export function connectTo(door: string, timeout = TIMEOUT): Promise<Socket> {
  const listen = parseListen(door);
  if (listen.kind === 'none') throw new Error(`"${door}" must be ${listen.wanted}`);
  const socket = connect(connectOptions(listen));
  return new Promise((resolve, reject) => {
    socket.setTimeout(timeout, () => socket.destroy(new Error(`${door} does not answer`)));
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Submits one mail to one recipient. Returns the final reply line; throws when it is not taken. */
export async function submitMail(submission: Submission): Promise<string> {
  const { createTransport } = await import('nodemailer');
  const socket = await connectTo(submission.door);
  const transport = createTransport({
    connection: socket,
    lmtp: submission.protocol === 'lmtp',
    ignoreTLS: true,
    name: 'localhost',
    greetingTimeout: TIMEOUT,
    socketTimeout: TIMEOUT,
    disableFileAccess: true,
    disableUrlAccess: true,
  } as Parameters<typeof createTransport>[0]);
  try {
    const info = (await transport.sendMail({
      envelope: { from: submission.mailFrom, to: [submission.rcptTo] },
      ...submission.mail,
    })) as { response: string };
    return info.response;
  } finally {
    transport.close();
    socket.destroy();
  }
}
