/**
 * Where a PostgreSQL store is: `postgres://user:password@host1,host2:port/database?sslmode=…` as libpq reads it, with the
 * variables of libpq (PGHOST, PGUSER, PGPASSWORD, PGSSLMODE, …) for what the URL leaves out. Several hosts are tried in
 * turn. `sslmode` means what it means to libpq, not what it means to `pg`.
 *
 * What is wrong comes as a value, or as an `invalid` error for a variable or a file, and says what to do. No text that
 * leaves here holds the password, nor anything of a URL that could not be read: it may be a part of the password.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import path from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { ReplydError, reasonText } from '../../base/errors.js';
import { printHost } from '../../base/place.js';
import { passwordInFile } from './passfile.js';

/** One server, as `pg` is told of it. */
export interface ServerConfig {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** Asked when the server wants one. */
  readonly password: () => string;
  readonly ssl: false | ConnectionOptions;
  readonly application_name: string;
  readonly options?: string;
  readonly enableChannelBinding?: boolean;
  readonly sslnegotiation?: 'direct';
  /** The same server as the one before, with or without TLS: only when it refused that. */
  readonly instead: boolean;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
type SslMode = (typeof SSL_MODES)[number];

/** What a URL may say after `?`, and the variable that says it where the URL does not. */
const PARAMETERS = {
  host: 'PGHOST',
  port: 'PGPORT',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  dbname: 'PGDATABASE',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslnegotiation: 'PGSSLNEGOTIATION',
  channel_binding: 'PGCHANNELBINDING',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
  application_name: 'PGAPPNAME',
  options: 'PGOPTIONS',
  passfile: 'PGPASSFILE',
} as const;
type Parameter = keyof typeof PARAMETERS;
type Given = Readonly<Partial<Record<Parameter, string>>>;

/** Variables that say where the server is or what it must prove, and that `pg` does not know: not heeding them is no choice. */
const NOT_HEEDED = [
  ...['PGSERVICE', 'PGHOSTADDR', 'PGREQUIRESSL', 'PGREQUIREAUTH', 'PGREQUIREPEER', 'PGSSLCRL', 'PGSSLCRLDIR'],
  ...['PGSSLMINPROTOCOLVERSION', 'PGSSLMAXPROTOCOLVERSION'],
] as const;

/** What stands in a URL, by parameter. `host` and `port` are lists by commas. */
export type ReadUrl =
  | { readonly kind: 'good'; readonly given: Given }
  | { readonly kind: 'bad'; readonly reason: string };

const FORM = 'postgres://user:password@host/database';
const MOST_HOSTS = 10;
const PORT = 5432;

/** Reads a URL. A reason never quotes it. */
export function readUrl(text: string): ReadUrl {
  const [, rest] = /^postgres(?:ql)?:\/\/(.*)$/is.exec(text) ?? [];
  if (rest === undefined) return bad(`must begin with postgres:// or postgresql://, such as ${FORM}`);
  const [main = '', query = ''] = splitOnce(rest, '?');
  const [authority = '', dbname = ''] = splitOnce(main, '/');
  const parts = authority.split('@');
  if (parts.length > 2 || (parts.length === 1 && rest.includes('@'))) return bad(ESCAPES);
  const hosts = parts.at(-1)!;
  const [user, password] = parts.length === 2 ? splitOnce(parts[0]!, ':') : [];
  const places = hosts === '' ? [] : hosts.split(',').map(splitHost);
  const given: Partial<Record<Parameter, string>> = {};
  const raw: Record<string, string | undefined> = { user, password, dbname };
  if (places.length > 0) raw.host = places.map(([host]) => host).join(',');
  if (places.some(([, port]) => port !== '')) raw.port = places.map(([, port]) => port).join(',');
  for (const pair of query === '' ? [] : query.split('&')) {
    const [name = '', value = ''] = splitOnce(pair, '=');
    if (name === 'ssl' && value === 'true') raw.sslmode = 'require';
    else if (Object.hasOwn(PARAMETERS, name)) raw[name] = value;
    else {
      const known = Object.keys(PARAMETERS).join(', ');
      return bad(
        `has ${/^[a-z_]{1,32}$/.test(name) ? `the parameter ${name}` : 'a parameter'} that is none of ${known}`,
      );
    }
  }
  for (const [name, value] of Object.entries(raw)) {
    if (value === undefined || value === '') continue;
    const decoded = decode(value);
    if (decoded === null) return bad(ESCAPES);
    given[name as Parameter] = decoded;
  }
  const fault = faultOf(given);
  return fault === null ? { kind: 'good', given } : bad(`its ${fault.name} ${fault.reason}`);
}

const ESCAPES =
  'cannot be read: in user, password and database write % as %25, @ as %40, / as %2F, ? as %3F, : as %3A, # as %23';

function bad(reason: string): ReadUrl {
  return { kind: 'bad', reason };
}

/** The URL as it may be shown: what it says, with `***` for a password. '' where it can't be read. */
export function maskUrl(text: string): string {
  const read = readUrl(text);
  if (read.kind === 'bad') return '';
  const { host, port, user, password, dbname, ...more } = read.given;
  const query = Object.entries(more).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const places = pairs(host ?? '', port ?? '').map(place => placeText(place));
  return nameText({ user, password, dbname, places }) + (query.length > 0 ? `?${query.join('&')}` : '');
}

interface Place {
  readonly host: string;
  readonly port: string;
}

interface Named {
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly dbname: string | undefined;
  readonly places: readonly string[];
}

function nameText({ user, password, dbname, places }: Named): string {
  const secret = password === undefined ? '' : ':***';
  const who = user === undefined && secret === '' ? '' : `${encodeURIComponent(user ?? '')}${secret}@`;
  return `postgres://${who}${places.join(',')}${dbname === undefined ? '' : `/${encodeURIComponent(dbname)}`}`;
}

function placeText({ host, port }: Place): string {
  const name = host.startsWith('/') ? encodeURIComponent(host) : printHost(host);
  return port === '' || port === String(PORT) ? name : `${name}:${port}`;
}

export interface ResolvedAddress {
  /** For people: without the password. */
  readonly name: string;
  /** In the order in which they are tried. */
  readonly servers: readonly ServerConfig[];
}

/**
 * Where the URL leads, with the variables of `env` for what it leaves out. Reads certificates. Throws invalid, whose
 * `details` have the `key`, `store.url` or a variable, and the `reason`. `home` and `systemUser` are for tests.
 */
export function resolveAddress(
  url: string,
  env: Environment,
  { home = homedir(), systemUser = nameOfUser }: { home?: string; systemUser?: () => string | null } = {},
): ResolvedAddress {
  const read = readUrl(url);
  if (read.kind === 'bad') throw invalid('store.url', read.reason);
  const unheeded = NOT_HEEDED.find(variable => (env[variable] ?? '') !== '');
  if (unheeded !== undefined)
    throw invalid(
      unheeded,
      'replyd cannot heed this variable: unset it for replyd, and say in store.url what you need',
    );
  const said = Object.entries(PARAMETERS).flatMap(([name, variable]) => {
    const value = env[variable];
    return value === undefined || value === '' || name in read.given ? [] : [[name, value] as const];
  });
  const given: Given = { ...Object.fromEntries(said), ...read.given };
  const fault = faultOf(given);
  if (fault !== null) {
    if (fault.name in read.given) throw invalid('store.url', `its ${fault.name} ${fault.reason}`);
    throw invalid(PARAMETERS[fault.name], fault.reason);
  }
  const user = given.user ?? systemUser();
  if (user === null) throw invalid('store.url', `names no user: write ${FORM}, or set PGUSER`);
  const database = given.dbname ?? user;
  const places = pairs(given.host ?? 'localhost', given.port ?? '');
  const tls = tlsOf(given, home);
  const servers = places.flatMap(({ host, port }) =>
    (host.startsWith('/') ? [false as const] : tls).map((ssl, index): ServerConfig => {
      const place = { host, port: Number(port) || PORT, user, database };
      return {
        ...place,
        password: () => given.password ?? passwordInFile(given.passfile ?? path.join(home, '.pgpass'), place),
        ssl,
        application_name: given.application_name ?? 'replyd',
        ...(given.options === undefined ? {} : { options: given.options }),
        ...(ssl !== false && given.channel_binding === 'prefer' ? { enableChannelBinding: true } : {}),
        ...(ssl !== false && given.sslnegotiation === 'direct' ? { sslnegotiation: 'direct' as const } : {}),
        instead: index > 0,
      };
    }),
  );
  const shown = { user, password: given.password, dbname: database, places: places.map(placeText) };
  return { name: nameText(shown), servers };
}

function invalid(key: string, reason: string): ReplydError {
  return new ReplydError('invalid', `${key}: ${reason}`, { details: { key, reason } });
}

/** Null: this process runs as a user without a name. */
function nameOfUser(): string | null {
  try {
    return userInfo().username;
  } catch {
    return null;
  }
}

// ---------------------------------------------------------------- what is wrong with the parts

interface PartFault {
  readonly name: Parameter;
  readonly reason: string;
}

/** Only words that are no secret are quoted. */
function faultOf(given: Given): PartFault | null {
  const { host = '', port = '', sslmode, sslrootcert } = given;
  for (const name of Object.keys(given) as Parameter[]) {
    if (given[name]!.includes('\0')) return { name, reason: 'holds a NUL' };
  }
  const hosts = host.split(',');
  if (hosts.length > MOST_HOSTS) return { name: 'host', reason: `is a list of more than ${MOST_HOSTS}` };
  if (!hosts.every(isHost)) {
    return {
      name: 'host',
      reason: 'must be a name, an address or the folder of a socket, or a list of them by commas',
    };
  }
  const ports = port.split(',');
  if (!ports.every(each => each === '' || (/^\d{1,5}$/.test(each) && Number(each) >= 1 && Number(each) <= 65_535))) {
    return { name: 'port', reason: 'must be a number from 1 to 65535, or one for each host by commas' };
  }
  if (ports.length > 1 && ports.length !== hosts.length) {
    return { name: 'port', reason: `has ${ports.length} entries for ${hosts.length} hosts: give one, or one for each` };
  }
  for (const [name, words] of WORDS) {
    const word = given[name];
    if (word !== undefined && !words.includes(word)) return { name, reason: `must be ${words.join(', ')}` };
  }
  for (const name of FILES) {
    const file = given[name];
    if (file !== undefined && !path.isAbsolute(file) && !(name === 'sslrootcert' && file === 'system'))
      return { name, reason: 'must be an absolute path' };
  }
  if (sslrootcert === 'system' && sslmode !== undefined && sslmode !== 'verify-full') {
    return {
      name: 'sslmode',
      reason: 'must be verify-full with sslrootcert=system: anybody can get such a certificate',
    };
  }
  const { sslcert, sslkey } = given;
  if ((sslcert === undefined) !== (sslkey === undefined)) {
    return { name: sslcert === undefined ? 'sslkey' : 'sslcert', reason: 'is half of two: give sslcert and sslkey' };
  }
  return null;
}

/** A server in recovery can't be used, so `any` would promise too much; nothing can demand a channel binding of `pg`. */
const WORDS: readonly (readonly [Parameter, readonly string[]])[] = [
  ['sslmode', SSL_MODES],
  ['target_session_attrs', ['read-write', 'primary']],
  ['channel_binding', ['disable', 'prefer']],
  ['sslnegotiation', ['postgres', 'direct']],
];

const FILES: readonly Parameter[] = ['sslrootcert', 'sslcert', 'sslkey', 'passfile'];

function isHost(host: string): boolean {
  if (host.startsWith('/')) return host.length <= 100;
  return host === '' || /^[a-z0-9._-]{1,253}$/i.test(host) || /^[0-9a-f:.]{2,45}(?:%[\w.-]{1,16})?$/i.test(host);
}

/** Hosts with their ports; an empty one is localhost. */
function pairs(host: string, port: string): readonly Place[] {
  const ports = port.split(',');
  return host.split(',').map((each, index) => ({ host: each || 'localhost', port: ports[index] ?? ports[0]! }));
}

/** `[::1]:5433`, `db:5433`, `db`. */
function splitHost(text: string): readonly [host: string, port: string] {
  const [, inBrackets, bare, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/s.exec(text) ?? [];
  // Whatever it is, it is refused as a host.
  return inBrackets === undefined && bare === undefined ? [' ', ''] : [inBrackets ?? bare!, port ?? ''];
}

function splitOnce(text: string, sign: string): readonly [string, string?] {
  const at = text.indexOf(sign);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** Null: no UTF-8, or a `%` that stands for nothing. */
function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

// ---------------------------------------------------------------- TLS

/** The ways that are tried, one after the other. */
function tlsOf(given: Given, home: string): readonly (false | ConnectionOptions)[] {
  const own = path.join(home, '.postgresql', 'root.crt');
  const rootFile = given.sslrootcert ?? (existsSync(own) ? own : undefined);
  const mode: SslMode = (given.sslmode as SslMode | undefined) ?? (rootFile === 'system' ? 'verify-full' : 'prefer');
  if (given.sslnegotiation === 'direct' && ['disable', 'allow', 'prefer'].includes(mode)) {
    const needed = 'sslnegotiation=direct needs sslmode=require, verify-ca or verify-full';
    throw invalid('store.url', `${needed}: with ${mode} there may be no TLS`);
  }
  if (mode === 'disable') return [false];
  const certificate =
    given.sslcert === undefined
      ? {}
      : { cert: readPem('sslcert', given.sslcert), key: readPem('sslkey', given.sslkey!) };
  // Whoever listens on the way can take its place: this only keeps others from reading along.
  const unproven = { ...certificate, rejectUnauthorized: false };
  if (mode === 'allow') return [false, unproven];
  if (mode === 'prefer') return [unproven, false];
  if (rootFile === undefined) {
    if (mode === 'require') return [unproven];
    throw invalid(
      'store.url',
      `sslmode=${mode} needs to know whom to trust: add sslrootcert=/path/of/ca.pem, or sslrootcert=system for the authorities of this machine`,
    );
  }
  const ca = rootFile === 'system' ? ownAuthorities() : [readPem('sslrootcert', rootFile)];
  const proven = { ...certificate, ca, rejectUnauthorized: true };
  // With a root certificate `require` checks it too (libpq, 34.19.1), but not the name.
  return [mode === 'verify-full' ? proven : { ...proven, checkServerIdentity: () => undefined }];
}

/** Those that this machine trusts. Every command reads this file: it loads no TLS. */
function ownAuthorities(): string[] {
  return process.getBuiltinModule('node:tls').getCACertificates('system');
}

function readPem(name: Parameter, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw invalid('store.url', `its ${name}: cannot read ${file}: ${reasonText(error)}`);
  }
}
