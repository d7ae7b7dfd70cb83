/**
 * A headless Chromium that opens one page, with a listener that hears everything the page asks for: every name leads to
 * it, whatever the port, plain or TLS. The page reports with a POST to /result; what else was asked for is in `asked`. The
 * browser has a profile of its own and ends with the call.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { endGroup, ownProcessGroup } from '../process-group.js';

/** The host that attacks want to reach. Browsers ask for much themselves; only what names it counts. */
export const ATTACKER = 'attacker.example';

export interface Opened<T> {
  readonly result: T;
  /** Requests for the attacker's host, and for anything of the page's own that is not in `own`. */
  readonly asked: readonly string[];
}

/** The program, or null. */
export function chromium(): string | null {
  const folders = (process.env.PATH ?? '').split(':');
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  return folders.flatMap(folder => names.map(name => path.join(folder, name))).find(canRun) ?? null;
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * `own`: which of the page's own addresses it may ask for besides itself; they are answered with 404. Throws when there is no
 * result within a minute, which is also what happens when the page was left.
 */
export async function openPage<T>(html: string, own: (place: string) => boolean = () => false): Promise<Opened<T>> {
  const program = chromium();
  if (program === null) throw new Error('there is no Chromium');
  const asked: string[] = [];
  let opened = false;
  let report: (text: string) => void = () => {};
  const reported = new Promise<string>(resolve => {
    report = resolve;
  });
  const web = createHttp((request: IncomingMessage, response: ServerResponse) => {
    const { host = '' } = request.headers;
    const place = request.url ?? '';
    if (host.startsWith('page.example') && place === '/' && !opened) {
      opened = true;
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
    } else if (host.startsWith('page.example') && place === '/result') {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString('utf8');
      });
      request.on('end', () => {
        report(body);
        response.end();
      });
    } else {
      const isPage = host.startsWith('page.example');
      if (host.includes(ATTACKER) || (isPage && place !== '/favicon.ico' && !own(place))) asked.push(`${host}${place}`);
      response.writeHead(404).end();
    }
  });
  // What does not speak HTTP is TLS: the name in its first bytes says who was meant (RFC 6066 3).
  const sockets = new Set<Socket>();
  const door = createTcp(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    socket.once('data', first => {
      if (first[0] === 0x16) {
        if (first.includes(ATTACKER)) asked.push(`https://${ATTACKER}`);
        socket.destroy();
        return;
      }
      socket.pause();
      socket.unshift(first);
      web.emit('connection', socket);
      socket.resume();
    });
  });
  await new Promise<void>(resolve => door.listen(0, '127.0.0.1', resolve));
  const { port } = door.address() as AddressInfo;
  const profile = await mkdtemp(path.join(tmpdir(), 'replyd-chromium-'));
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-extensions',
    '--disable-sync',
    '--no-first-run',
    '--window-size=1200,1000',
    `--user-data-dir=${profile}`,
    `--host-resolver-rules=MAP * 127.0.0.1:${port}`,
    'http://page.example/',
  ];
  const child = spawn(program, flags, { detached: true, stdio: 'ignore' });
  const group = ownProcessGroup(child);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const why = () => `the page reported nothing; it asked for ${asked.join(', ') || 'nothing'}`;
    timer = setTimeout(() => reject(new Error(why())), 60_000);
  });
  try {
    const text = await Promise.race([reported, late]);
    // What was begun at the end arrives too.
    await new Promise(resolve => setTimeout(resolve, 300));
    return { result: JSON.parse(text) as T, asked };
  } finally {
    clearTimeout(timer);
    await endGroup(group, { patience: 3_000 });
    for (const socket of sockets) socket.destroy();
    await new Promise(resolve => door.close(resolve));
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** For a script or attribute of the page. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
