/**
 * Every host but 127.0.0.1, for a browser: one listener to which all other names lead, whatever the port. It answers
 * nothing, and remembers who was asked for. So what a browser fetches behind the page's back (prefetches, reports) is
 * heard too.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface Elsewhere {
  /** For Chromium: makes all names lead here. */
  readonly switches: readonly string[];
  /** What came so far: the host, and the path where it could be read. */
  readonly asked: readonly string[];
}

/** Ends with the test. */
export async function openElsewhere(context: TestContext): Promise<Elsewhere> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    socket.once('data', first => {
      const whom = whomIn(first);
      if (whom !== null) asked.push(whom);
      socket.destroy();
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>(resolve => server.close(() => resolve()));
  });
  server.unref();
  const { port } = server.address() as AddressInfo;
  return { switches: [`--host-resolver-rules=MAP * 127.0.0.1:${port}, EXCLUDE 127.0.0.1`], asked };
}

/** The browser's own services, which no switch silences. A page that asked for them is seen asking. */
const OWN = /(?:^|\.)(?:google|googleapis|gstatic|gvt1)\.com$/;
/** The first extension of a TLS greeting that names a host (RFC 6066 3). */
const NAMED = /\0\0.{4}\0(..)([a-z0-9-]+\.[a-z0-9.-]+)/s;

/** Null: the browser itself. */
function whomIn(first: Buffer): string | null {
  const text = first.toString('latin1');
  if (first[0] === 0x16) {
    const [, length = '', rest = ''] = NAMED.exec(text) ?? [];
    const name = rest.slice(0, length.charCodeAt(0) * 256 + length.charCodeAt(1)) || 'without a name';
    return OWN.test(name) ? null : `https://${name}`;
  }
  const [, place = ''] = /^[A-Z]+ (\S+)/.exec(text) ?? [];
  const [, host = ''] = /^host: *(\S+)/im.exec(text) ?? [];
  return `http://${host}${place}`;
}
