/**
 * Taking the places where the door listens: `host:port`, `unix:/path`, or sockets handed over by systemd.
 *
 * Every failure is a ReplydError that names the place and says what to do. A unix socket that a killed process left
 * behind is removed, but only after nobody answered on it; anything else at that path is left alone. The socket gets
 * its mode and group before it can be reached by others: it is made with all access for others masked.
 */
import { chmod, chown, lstat, readFile, readlink, stat, unlink } from 'node:fs/promises';
import { connect, isIPv6, type ListenOptions, type Server } from 'node:net';
import { dirname } from 'node:path';
import { ReplydError } from '../../base/errors.js';

export type Place =
  | { readonly kind: 'tcp'; readonly host: string | undefined; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'fd'; readonly fd: number };

/** `host:port`, `[v6]:port`, `*:port` (all addresses) or `unix:/path`. Throws ReplydError('invalid'). */
export function parsePlace(text: string): Place {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    // 107 bytes fit into sockaddr_un.
    if (path.startsWith('/') && Buffer.byteLength(path) <= 107) return { kind: 'unix', path };
  } else {
    const [, v6, name, portText] = /^(?:\[([0-9a-f:.%]+)\]|([^\s:[\]]+)):(\d{1,5})$/i.exec(text) ?? [];
    const port = Number(portText);
    if (portText !== undefined && port <= 65535 && (v6 === undefined || isIPv6(v6))) {
      return { kind: 'tcp', host: name === '*' ? undefined : (v6 ?? name), port };
    }
  }
  throw new ReplydError('invalid', `"${text}" is no place to listen: write host:port, [v6 address]:port or unix:/path`);
}

/** Listens and gives the place really bound, in the form `parsePlace` reads. */
export async function listen(
  server: Server,
  place: Place,
  access: { socketMode: number; socketGroup?: string | undefined },
): Promise<string> {
  if (place.kind === 'unix') {
    const group = access.socketGroup === undefined ? null : await groupId(access.socketGroup);
    await makeWay(place.path);
    await bind(server, place, { path: place.path });
    try {
      await chmod(place.path, access.socketMode);
      if (group !== null) await chown(place.path, -1, group);
    } catch (error) {
      server.close();
      throw new ReplydError('unauthorized', `unix:${place.path}: can't set mode or group: ${codeOf(error)}`, {
        cause: error,
      });
    }
    return `unix:${place.path}`;
  }
  if (place.kind === 'fd') await bind(server, place, { fd: place.fd });
  else
    await bind(server, place, place.host === undefined ? { port: place.port } : { host: place.host, port: place.port });
  const address = server.address();
  if (address === null || typeof address === 'string') {
    const path = address || (place.kind === 'fd' ? await pathOfSocket(place.fd) : null);
    return path ? `unix:${path}` : nameOf(place);
  }
  return `${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}

/** Where a unix socket that was handed over is bound, which Node does not tell; null where Linux doesn't either. */
async function pathOfSocket(fd: number): Promise<string | null> {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(await readlink(`/proc/self/fd/${fd}`))?.[1];
    const lines = (await readFile('/proc/self/net/unix', 'utf8')).split('\n').map(line => line.split(' '));
    return lines.map(words => words.filter(word => word !== '')).find(words => words[6] === inode)?.[7] ?? null;
  } catch {
    return null;
  }
}

function bind(server: Server, place: Place, options: ListenOptions | { fd: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      server.removeListener('listening', listening);
      reject(listenError(place, error));
    };
    const listening = () => {
      server.removeListener('error', failed);
      resolve();
    };
    server.once('error', failed);
    server.once('listening', listening);
    // A path is bound before listen() returns: nobody but the owner can connect until the mode is set.
    const mask = place.kind === 'unix' ? process.umask(0o177) : null;
    try {
      server.listen(options as ListenOptions);
    } finally {
      if (mask !== null) process.umask(mask);
    }
  });
}

/** Removes a socket nobody listens on. */
async function makeWay(path: string): Promise<void> {
  // bind() would call a missing folder a lack of permission (libuv).
  const folder = await stat(dirname(path)).catch(codeOf);
  if (folder === 'ENOENT') throw new ReplydError('invalid', `unix:${path}: its folder does not exist; make it first`);
  const there = await lstat(path).catch(() => null);
  if (there === null) return;
  if (!there.isSocket()) {
    throw new ReplydError(
      'conflict',
      `unix:${path}: something that is no socket is there; move it or choose another path`,
    );
  }
  const answer = await new Promise<string>(resolve => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve('connected');
    });
    probe.once('error', error => resolve(codeOf(error)));
  });
  if (answer === 'ECONNREFUSED') await unlink(path).catch(() => {});
  else if (answer !== 'ENOENT') throw taken(`unix:${path}`);
}

function listenError(place: Place, error: Error): ReplydError {
  const name = nameOf(place);
  const code = codeOf(error);
  if (code === 'EADDRINUSE') return taken(name);
  if (code === 'EACCES' || code === 'EPERM') {
    const low = place.kind === 'tcp' && place.port < 1024;
    const advice = low
      ? 'ports below 1024 need root, AmbientCapabilities=CAP_NET_BIND_SERVICE or a socket handed over by systemd'
      : 'give the user of the daemon access to its folder';
    return new ReplydError('unauthorized', `${name}: no permission to listen; ${advice}`, { cause: error });
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new ReplydError('invalid', `${name}: no address of this machine`, { cause: error });
  }
  return new ReplydError('unavailable', `${name}: can't listen: ${code}`, { cause: error });
}

function taken(name: string): ReplydError {
  return new ReplydError(
    'conflict',
    `${name}: port taken: another program listens there; stop it (ss -lptn shows it) or choose another address`,
  );
}

function nameOf(place: Place): string {
  if (place.kind === 'unix') return `unix:${place.path}`;
  if (place.kind === 'fd') return `fd:${place.fd}`;
  const host = place.host ?? '*';
  return `${host.includes(':') ? `[${host}]` : host}:${place.port}`;
}

/** A group's number, from its name in /etc/group or as it is. */
async function groupId(group: string): Promise<number> {
  if (/^\d{1,10}$/.test(group)) return Number(group);
  const lines = (await readFile('/etc/group', 'utf8').catch(() => '')).split('\n');
  const fields = lines.map(line => line.split(':')).find(([name]) => name === group);
  if (fields?.[2] !== undefined) return Number(fields[2]);
  throw new ReplydError(
    'invalid',
    `no group "${group}" in /etc/group; a group from elsewhere can be given by its number`,
  );
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code ?? String(error);
}
