import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { maskUrl, readUrl, resolveAddress, type ServerConfig } from '#replyd/store/postgres/address.js';

const PASSWORD = 's3cr:t&-%40pa ss';
const WRITTEN = encodeURIComponent(PASSWORD);

function ownFolder(context: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'address-'));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** As a user `me` with an empty home. */
function resolve(url: string, env: Record<string, string> = {}, home = '/nonexistent') {
  return resolveAddress(url, env, { home, systemUser: () => 'me' });
}

function first(url: string, env: Record<string, string> = {}, home?: string): ServerConfig {
  return resolve(url, env, home).servers[0]!;
}

function places(url: string, env: Record<string, string> = {}): readonly string[] {
  const { servers } = resolve(url, env);
  return servers.filter(each => !each.instead).map(each => `${each.user}@${each.host}:${each.port}/${each.database}`);
}

const READ: readonly [url: string, env: Record<string, string>, places: readonly string[]][] = [
  ['postgres://replyd@db.example/store', {}, ['replyd@db.example:5432/store']],
  ['postgresql://replyd@db.example:6432/store', {}, ['replyd@db.example:6432/store']],
  ['POSTGRES://replyd@db.example', {}, ['replyd@db.example:5432/replyd']],
  [
    'postgres://u@a,b:5433,[2001:db8::1]:1,10.0.0.7/d',
    {},
    ['u@a:5432/d', 'u@b:5433/d', 'u@2001:db8::1:1/d', 'u@10.0.0.7:5432/d'],
  ],
  ['postgres://', {}, ['me@localhost:5432/me']],
  ['postgres:///d', {}, ['me@localhost:5432/d']],
  ['postgres://', { PGHOST: 'h1,h2', PGPORT: '1,2', PGUSER: 'u', PGDATABASE: 'd' }, ['u@h1:1/d', 'u@h2:2/d']],
  ['postgres://x@y/z', { PGHOST: 'h1', PGPORT: '1', PGUSER: 'u', PGDATABASE: 'd' }, ['x@y:1/z']],
  ['postgres://u@/d?host=/run/postgresql', {}, ['u@/run/postgresql:5432/d']],
  ['postgres://u@%2Frun%2Fpostgresql/d', {}, ['u@/run/postgresql:5432/d']],
  ['postgres://u@/d?host=a,b&port=7', {}, ['u@a:7/d', 'u@b:7/d']],
  ['postgres://a%40b:x@h/d%2Fe', {}, ['a@b@h:5432/d/e']],
  ['postgres:///?user=u&dbname=d&host=h', {}, ['u@h:5432/d']],
];

for (const [url, env, expected] of READ) {
  test(`leads to ${expected.join(' ')}: ${url}`, () => assert.deepEqual(places(url, env), expected));
}

test('a variable of libpq that cannot be heeded is refused, not passed over', () => {
  for (const variable of ['PGSERVICE', 'PGHOSTADDR', 'PGREQUIREAUTH', 'PGSSLCRL', 'PGSSLMINPROTOCOLVERSION']) {
    const refused = (error: unknown) =>
      isReplydError(error, 'invalid') && error.message.startsWith(`${variable}: replyd cannot heed this variable`);
    assert.throws(() => places('postgres://u@h/d', { [variable]: 'x' }), refused);
    assert.deepEqual(places('postgres://u@h/d', { [variable]: '' }), ['u@h:5432/d']);
  }
});

test('the password comes from the URL, else from PGPASSWORD', () => {
  assert.equal(first(`postgres://u:${WRITTEN}@h/d`, { PGPASSWORD: 'other' }).password(), PASSWORD);
  assert.equal(first('postgres://u:a:b@h/d').password(), 'a:b');
  assert.equal(first('postgres://u@h/d', { PGPASSWORD: 'from there' }).password(), 'from there');
});

test('else from a line of the file, which nobody else may read', context => {
  const home = ownFolder(context);
  const file = path.join(home, '.pgpass');
  writeFileSync(
    file,
    '# a remark\nother:*:*:*:wrong\n*:5432:d:u\\:v:one\\:two\nlocalhost:*:*:*:socket\n/srv/pg:*:*:*:folder\n*:*:*:*:any:thing\\\\\n',
    {
      mode: 0o600,
    },
  );
  assert.equal(first('postgres://u%3Av@h/d', {}, home).password(), 'one:two');
  assert.equal(first('postgres://u@h/d', {}, home).password(), 'any:thing\\');
  assert.equal(first('postgres://u@/d?host=/run/postgresql', {}, home).password(), 'socket');
  assert.equal(first('postgres://u@/d?host=/srv/pg', {}, home).password(), 'folder');
  assert.equal(first('postgres://u@/d?host=/srv/other', {}, home).password(), 'any:thing\\', 'not its default folder');
  assert.equal(first('postgres://u@h/d', { PGPASSFILE: file }).password(), 'any:thing\\');
  writeFileSync(file, 'elsewhere:*:*:*:x\n');
  const server = first('postgres://u@h/d', {}, home);
  const says = (reason: RegExp) =>
    assert.throws(server.password, error => isReplydError(error, 'unavailable') && reason.test(error.message));
  says(/^the server wants a password for u: put it into store\.url, PGPASSWORD or \S+\/\.pgpass$/);
  chmodSync(file, 0o640);
  says(/^others may read \S+, so it is not used: chmod 0600 /);
  rmSync(file);
  mkdirSync(file);
  says(/^\S+ is no plain file, so it is not used$/);
  assert.throws(first('postgres://u@h/d').password, /wants a password for u/);
});

const MALFORMED: readonly [url: string, reason: RegExp][] = [
  ['', /^must begin with postgres:\/\/ or postgresql:\/\/, such as postgres:\/\/user:password@host\/database$/],
  [`mysql://u:${WRITTEN}@h/d`, /^must begin with/],
  [`u:${PASSWORD}@h/d`, /^must begin with/],
  ['postgres://u:s3cr@t@h/d', /write % as %25, @ as %40/],
  ['postgres://u:s3cr/t@h/d', /write % as %25/],
  ['postgres://u:s3cr?t@h/d', /write % as %25/],
  ['postgres://u:1234?s3cr=t@h/d', /write % as %25/],
  ['postgres://u:s3cr%t@h/d', /write % as %25/],
  ['postgres://u:s3cr%ff@h/d', /write % as %25/],
  ['postgres://u:s3cr%00@h/d', /^its password holds a NUL$/],
  ['postgres://u:s3cr', /^its port must be a number from 1 to 65535/],
  ['postgres://h:0/d', /^its port must be/],
  ['postgres://h:65536/d', /^its port must be/],
  ['postgres://a,b,c/d?port=1,2', /^its port has 2 entries for 3 hosts: give one, or one for each$/],
  ['postgres://h s3cr/d', /^its host must be a name, an address or the folder of a socket/],
  ['postgres://[::1/d', /^its host must be/],
  [`postgres://${'h,'.repeat(10)}h/d`, /^its host is a list of more than 10$/],
  ['postgres://h/d?sslmod=require', /^has the parameter sslmod that is none of host, port, user, .*sslmode/],
  ['postgres://h/d?s3cr-Et=1', /^has a parameter that is none of/],
  ['postgres://h/d?sslmode=full', /^its sslmode must be disable, allow, prefer, require, verify-ca, verify-full$/],
  ['postgres://h/d?target_session_attrs=any', /^its target_session_attrs must be read-write, primary$/],
  ['postgres://h/d?sslrootcert=ca.pem', /^its sslrootcert must be an absolute path$/],
  ['postgres://h/d?sslrootcert=system&sslmode=require', /^its sslmode must be verify-full with sslrootcert=system/],
  ['postgres://h/d?sslcert=/c', /^its sslcert is half of two: give sslcert and sslkey$/],
];

for (const [url, reason] of MALFORMED) {
  test(`is refused, without any of it: ${url.slice(0, 60)}`, () => {
    const read = readUrl(url);
    assert.equal(read.kind, 'bad');
    if (read.kind !== 'bad') return;
    assert.match(read.reason, reason);
    assert.doesNotMatch(read.reason, /s3cr|1234/);
    assert.equal(maskUrl(url), '');
    assert.throws(
      () => resolve(url),
      error => isReplydError(error, 'invalid') && !/s3cr|1234/.test(error.message),
    );
  });
}

test('a variable that is wrong is named', () => {
  const url = 'postgres://u@h/d';
  const wrong = (env: Record<string, string>, reason: RegExp) =>
    assert.throws(
      () => resolve(url, env),
      error => isReplydError(error, 'invalid') && reason.test(error.message),
    );
  wrong({ PGSSLMODE: 'no-verify' }, /^PGSSLMODE: must be disable, allow/);
  wrong({ PGPORT: 'x' }, /^PGPORT: must be a number/);
  wrong(
    { PGSSLMODE: 'verify-ca', PGSSLROOTCERT: '/nowhere/ca.pem' },
    /^store\.url: its sslrootcert: cannot read \/nowhere\/ca\.pem: no such file/,
  );
  assert.equal(first('postgres://u@h/d?sslmode=require', { PGSSLMODE: 'nonsense' }).port, 5432, 'not asked');
});

test('shown, a URL has no password', () => {
  const shown: readonly [string, string][] = [
    [`postgres://replyd:${WRITTEN}@db.example/replyd`, 'postgres://replyd:***@db.example/replyd'],
    [
      `postgresql://u@a:5432,[::1]:7/d?sslmode=require&password=${WRITTEN}`,
      'postgres://u:***@a,[::1]:7/d?sslmode=require',
    ],
    ['postgres:///d?host=/run/pg', 'postgres://%2Frun%2Fpg/d'],
    ['postgres://', 'postgres://localhost'],
  ];
  for (const [url, text] of shown) assert.equal(maskUrl(url), text);
  assert.equal(resolve(`postgres://u:${WRITTEN}@h`).name, 'postgres://u:***@h/u');
  assert.equal(resolve('postgres://h', { PGPASSWORD: PASSWORD }).name, 'postgres://me:***@h/me');
  const whole = JSON.stringify(resolve(`postgres://u:${WRITTEN}@h`));
  assert.ok(!whole.includes(PASSWORD) && !whole.includes(WRITTEN));
});

function withRootFile(context: TestContext): string {
  const home = ownFolder(context);
  mkdirSync(path.join(home, '.postgresql'));
  writeFileSync(path.join(home, '.postgresql', 'root.crt'), 'THE CA');
  return home;
}

/** What each way checks: `plain`, or of TLS the certificate and the name in it. */
function ways(url: string, home?: string): readonly string[] {
  return resolve(url, {}, home).servers.map(({ ssl }) => {
    if (ssl === false) return 'plain';
    if (ssl.rejectUnauthorized === false) return 'tls';
    assert.ok(ssl.ca !== undefined);
    return ssl.checkServerIdentity === undefined ? 'tls, certificate, name' : 'tls, certificate';
  });
}

test('sslmode means what it means to libpq', context => {
  const home = withRootFile(context);
  const rows: readonly [mode: string, ways: readonly string[], withRootFile: readonly string[]][] = [
    ['', ['tls', 'plain'], ['tls', 'plain']],
    ['?sslmode=disable', ['plain'], ['plain']],
    ['?sslmode=allow', ['plain', 'tls'], ['plain', 'tls']],
    ['?sslmode=prefer', ['tls', 'plain'], ['tls', 'plain']],
    ['?sslmode=require', ['tls'], ['tls, certificate']],
    ['?ssl=true', ['tls'], ['tls, certificate']],
    ['?sslrootcert=system', ['tls, certificate, name'], ['tls, certificate, name']],
  ];
  for (const [mode, without, withRoot] of rows) {
    assert.deepEqual(ways(`postgres://h/d${mode}`), without, mode);
    assert.deepEqual(ways(`postgres://h/d${mode}`, home), withRoot, `${mode}, with a root certificate`);
  }
  assert.deepEqual(ways('postgres://h/d?sslmode=verify-ca', home), ['tls, certificate']);
  assert.deepEqual(ways('postgres://h/d?sslmode=verify-full', home), ['tls, certificate, name']);
  assert.throws(
    () => ways('postgres://h/d?sslmode=verify-full'),
    /sslmode=verify-full needs to know whom to trust: add sslrootcert=/,
  );
  const direct = (mode: string) => ways(`postgres://h/d?sslnegotiation=direct${mode}`);
  for (const mode of ['', '&sslmode=disable', '&sslmode=allow', '&sslmode=prefer'])
    assert.throws(() => direct(mode), /sslnegotiation=direct needs sslmode=require, verify-ca or verify-full/);
  assert.deepEqual(direct('&sslmode=require'), ['tls']);
  assert.deepEqual(ways('postgres:///d?host=/run/pg&sslmode=require'), ['plain'], 'a socket has no TLS');
});

test('each host is tried in each way before the next', () => {
  const { servers } = resolve('postgres://a,b/d');
  assert.deepEqual(
    servers.map(({ host, ssl, instead }) => [host, ssl !== false, instead]),
    [
      ['a', true, false],
      ['a', false, true],
      ['b', true, false],
      ['b', false, true],
    ],
  );
});
