/**
 * Takes the places where the door listens: `host:port`, `unix:/path`, or sockets handed over by systemd.
 *
 * Every failure is a ReplydError that names the place and says what to do. A unix socket that a killed process left
 * behind is removed, but only when nobody answers on it; anything else at that path stays. A unix socket is made with no
 * access for others, and then gets its mode and group.
 */
import { chmod, chown, lstat, readFile, readlink, stat, unlink } from 'node:fs/promises';
import { connect, type ListenOptions, type Server } from 'node:net';
import { dirname } from 'node:path';
import { ReplydError } from '../../base/errors.js';
import { type Listen, parseListen, printBound, printListen } from '../../base/place.js';

/** `fd`: a listening socket that was handed over. */
export type Place = Listen | { readonly kind: 'fd'; readonly fd: number };

/** Throws ReplydError('invalid') for a text that is no place. */
export function readPlace(text: string): Listen {
  const listen = parseListen(text);
  if (listen.kind !== 'none') return listen;
  throw new ReplydError('invalid', `"${text}" is no place to listen: it must be ${listen.wanted}`);
}

/** Listens and gives the place really bound, in the form `readPlace` reads. */
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
  else await bind(server, place, { host: place.host, port: place.port });
  const path = server.address() === null && place.kind === 'fd' ? await pathOfSocket(place.fd) : null;
  return printBound(path ?? server.address()) ?? nameOf(place);
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
  return place.kind === 'fd' ? `fd:${place.fd}` : printListen(place);
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
