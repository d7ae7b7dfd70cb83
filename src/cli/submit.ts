/**
 * Submits a mail to a door of a running daemon, as an MTA or a customer's provider does: for `demo` and `doctor`. The
 * mail library is loaded on the first call.
 */
import { connect, type Socket } from 'node:net';
import { connectOptions, parseListen } from '../base/place.js';

const TIMEOUT = 10_000;

export interface Submission {
  readonly protocol: 'smtp' | 'lmtp';
  /** `host:port`, `[v6]:port` or `unix:/path`, as in listening.json. */
  readonly door: string;
  readonly mailFrom: string;
  readonly rcptTo: string;
  readonly raw: string | Uint8Array;
}

/** Where a door's text leads, for node:net. */
export function socketAddress(door: string): ReturnType<typeof connectOptions> {
  const listen = parseListen(door);
  if (listen.kind === 'none') throw new Error(`"${door}" must be ${listen.wanted}`);
  return connectOptions(listen);
}

/** A connection to the door. Throws the system's error; gives up after `timeout` milliseconds. */
export function connectTo(door: string, timeout = TIMEOUT): Promise<Socket> {
  const socket = connect(socketAddress(door));
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
      raw: Buffer.from(submission.raw),
    })) as { response: string };
    return info.response;
  } finally {
    transport.close();
    socket.destroy();
  }
}
