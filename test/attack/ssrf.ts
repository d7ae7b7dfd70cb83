/**
 * SSRF by webhook. Somebody with an account's key adds a webhook whose address means the inside of our network, in a spelling
 * that a check may not understand, or an outside receiver that redirects there. What must hold: such an address is refused
 * when it is added, or nothing is ever sent to it; no redirect is followed, whatever it says. Listeners on the loopback
 * addresses count who connects.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { eventually } from '../run.js';
import { type AttackKind, newTally, type Tally } from './attack.js';
import { ask, postJson } from './http-client.js';
import type { Target } from './target.js';

/** Hosts that are our own machine, in spellings that a URL may hold. */
const LOOPBACK: readonly string[] = [
  '127.0.0.1',
  '127.0.0.1.',
  '127.1',
  '127.0.1',
  '127.255.255.254',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '0x7f.0x0.0x0.0x1',
  '0x7f.1',
  '0177.0.0.1',
  '0177.0.0.01',
  '00000177.1',
  '017700000001',
  '0',
  '0.0.0.0',
  '0x0',
  '00',
  '[::1]',
  '[::]',
  '[0:0:0:0:0:0:0:1]',
  '[0000:0000:0000:0000:0000:0000:0000:0001]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:127.0.0.1]',
  '[::127.0.0.1]',
  '[::ffff:0:127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::]',
  '[2001:0:7f00:1::]',
  '[::1%25lo]',
  '[::1%lo]',
  '[fe80::1%25lo]',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'LocalHost.localdomain',
  'ip6-localhost',
  'ip6-loopback',
  'anything.localhost',
  '\uff11\uff12\uff17.0.0.1',
  '\u2460\u2461\u2466.0.0.1',
  '127\u30020\uff0e0\uff611',
  '%31%32%37.0.0.1',
  '127.0.0.1%2e',
  '127.0.0.1%00.example.com',
  'loc%61lhost',
  '\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3',
  'localhos\u0074',
  'l\u00adocalhost',
  'app.example@127.0.0.1',
  'app.example%40127.0.0.1',
  'app.example:80@127.0.0.1',
  ':@127.0.0.1',
  '127.0.0.1\\@app.example',
  '127.0.0.1#@app.example',
  '127.0.0.1?@app.example',
  '\t127.0.0.1',
  '127.0.\n0.1',
  '\\\\127.0.0.1',
  '/127.0.0.1',
  '///127.0.0.1',
];

/** Others that are nobody's business; whether something was sent there can't be heard, so the answer must say why not. */
const INSIDE: readonly string[] = [
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '169.254.169.254',
  '0xa9fea9fe',
  '2852039166',
  '0251.0376.0251.0376',
  '[::ffff:169.254.169.254]',
  '[::ffff:a9fe:a9fe]',
  '[fd00:ec2::254]',
  '[fe80::1]',
  '[fc00::1]',
  '[ff02::1]',
  '[2002:a9fe:a9fe::1]',
  '[64:ff9b::a9fe:a9fe]',
  '100.64.0.1',
  '100.100.100.200',
  '192.0.0.192',
  '198.18.0.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
];

const ADDRESSES: readonly string[] = [
  'file:///etc/passwd',
  'ftp://127.0.0.1/',
  'gopher://127.0.0.1:25/_MAIL',
  'dict://127.0.0.1/',
  'data:text/plain,x',
  'javascript:1',
  'unix:/run/docker.sock',
  'http+unix://%2frun%2fdocker.sock/',
  'ws://127.0.0.1/',
  'blob:http://127.0.0.1/x',
  'jar:http://127.0.0.1!/',
  '//127.0.0.1/',
  '/v1/hooks',
  '127.0.0.1',
  'http:',
  'http://',
  'http:///',
  'http://:80/',
  'http://127.0.0.1:0/',
  'http://127.0.0.1:65536/',
  `http://${'a'.repeat(100_000)}.example/`,
];

interface Listeners {
  readonly port: number;
  readonly heard: readonly string[];
  forget(): void;
  close(): Promise<void>;
}

/** On every address of the machine; `location`: what it answers with a redirect to. */
async function listen(
  answer: (place: string) => { status: number; headers: Record<string, string> },
): Promise<Listeners> {
  const heard: string[] = [];
  const server: Server = createServer((request, response) => {
    const { status, headers } = answer(request.url ?? '');
    heard.push(`${request.method} ${request.url}`);
    response.writeHead(status, headers).end('secret of the inside');
  });
  server.on('connection', () => heard.push('a connection'));
  await new Promise<void>(resolve => server.listen(0, '::', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    forget: () => heard.splice(0),
    async close() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

export const ssrf: AttackKind = {
  name: 'ssrf',
  about: 'webhook addresses that mean the inside, in every spelling, and redirects to it',
  async run(target) {
    const tally = newTally();
    const inside = await listen(() => ({ status: 200, headers: {} }));
    const outside = await listen(place => redirectOf(place, inside.port));
    try {
      const hosts = [...LOOPBACK, hostname()];
      for (const scheme of ['http', 'https'])
        for (const host of hosts) {
          const url = `${scheme}://${host}:${inside.port}/latest/meta-data`;
          tally.count(url, await refusedOrSilent(target, url, inside));
        }
      for (const host of INSIDE) {
        const url = `http://${host}/`;
        const { status, text } = await tryHook(target, url);
        const isRefused = status >= 400 || /private address/.test(text);
        tally.count(url, isRefused ? null : `${status} ${text}`);
      }
      for (const url of ADDRESSES) tally.count(url.slice(0, 80), await refusedOrSilent(target, url, inside));
      await redirects(target, { inside, outside, tally });
    } finally {
      await inside.close();
      await outside.close();
    }
    return tally.result();
  },
};

/** Adds a webhook and has it tested. The answer of the last request that was not refused, or of the first that was. */
async function tryHook(target: Target, url: string): Promise<{ status: number; text: string }> {
  const { key } = target.acme;
  const added = await postJson(target.url, key, { place: '/v1/hooks', body: { url } });
  if (added.status !== 201) return added;
  const { id } = JSON.parse(added.text) as { id: string };
  const tested = await postJson(target.url, key, { place: `/v1/hooks/${id}/test`, body: {} });
  await ask(target.url, { method: 'DELETE', place: `/v1/hooks/${id}`, key });
  return tested;
}

async function refusedOrSilent(target: Target, url: string, inside: Listeners): Promise<string | null> {
  const { status, text } = await tryHook(target, url);
  const heard = inside.heard.join();
  inside.forget();
  if (heard !== '') return `connected: ${heard}`;
  if (status === 0 || status >= 500) return `${status} ${text}`;
  if (status < 400 && (JSON.parse(text) as { ok: boolean }).ok) return text;
  return null;
}

function redirectOf(place: string, port: number): { status: number; headers: Record<string, string> } {
  const [, status = '', way = ''] = place.split('/');
  const inside = `http://127.0.0.1:${port}/latest`;
  const headers: Readonly<Record<string, Record<string, string>>> = {
    location: { location: inside },
    bare: { location: `//127.0.0.1:${port}/latest` },
    refresh: { refresh: `0;url=${inside}` },
    content: { 'content-location': inside },
    alternative: { 'alt-svc': `h2="127.0.0.1:${port}"` },
  };
  return { status: Number(status), headers: headers[way] ?? {} };
}

/** The receiver may be reached here, so that its answer can be heard; the place that it names must stay silent. */
async function redirects(
  target: Target,
  { inside, outside, tally }: { inside: Listeners; outside: Listeners; tally: Tally },
): Promise<void> {
  const before = target.daemon.events('reloaded').length;
  await target.daemon.configure({ 'hooks.allow_private': true });
  target.daemon.signal('SIGHUP');
  await eventually('it has reloaded', () => target.daemon.events('reloaded').length > before);
  for (const status of [200, 201, 300, 301, 302, 303, 305, 307, 308, 401, 407, 426]) {
    for (const way of ['location', 'bare', 'refresh', 'content', 'alternative']) {
      outside.forget();
      const url = `http://127.0.0.1:${outside.port}/${status}/${way}`;
      const { text } = await tryHook(target, url);
      const heard = inside.heard.join();
      inside.forget();
      const fault = heard !== '' ? `followed: ${heard}` : outside.heard.length === 0 ? `was not sent: ${text}` : null;
      tally.count(`a redirect by ${status}, ${way}`, fault);
    }
  }
}
