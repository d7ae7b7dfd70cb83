import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isReplydError } from '#replyd/base/errors.js';
import { type Config, KEY_NAMES, variableOf } from '#replyd/config/keys.js';
import { type ConfigProblem, diffReload, type LoadedConfig, loadConfig, SYSTEM_CONFIG } from '#replyd/config/load.js';

const FILE = '/etc/mail/replyd.toml';

function load(text: string, env: Record<string, string> = {}, mode = 0o640): LoadedConfig {
  return loadConfig({ file: FILE, env, cwd: '/work', readFile: () => ({ text, mode }) });
}

function defaults(env: Record<string, string> = {}): LoadedConfig {
  return loadConfig({ env, cwd: '/work', readFile: () => null });
}

function faultsOf(run: () => unknown): { message: string; problems: readonly ConfigProblem[] } {
  try {
    run();
  } catch (error) {
    assert.ok(isReplydError(error, 'invalid'), String(error));
    return { message: error.message, problems: (error.details.problems ?? []) as readonly ConfigProblem[] };
  }
  assert.fail('the configuration was taken');
}

test('the defaults are what product and operators expect', () => {
  const { config, file, warnings, notices } = defaults();
  assert.equal(config.dataDir, '/work/data');
  assert.deepEqual(config.smtp.listen, [{ kind: 'tcp', host: '127.0.0.1', port: 2525 }]);
  assert.equal(config.smtp.maxSize, 35 * 1024 * 1024);
  assert.equal(config.smtp.idleTimeout, 300_000);
  assert.deepEqual(config.lmtp.listen, []);
  assert.equal(config.lmtp.socketMode, 0o660);
  assert.deepEqual(config.http.listen, { kind: 'tcp', host: '127.0.0.1', port: 8025 });
  assert.equal(config.ingress.listen, null);
  assert.deepEqual(config.ingress.mailgun.signingKey, []);
  assert.equal(config.outbound.transport, 'file');
  assert.equal(config.outbound.retry[0], 60_000);
  assert.equal(config.outbound.retry.at(-1), 4 * 3_600_000);
  assert.equal(config.outbound.giveUp, 3 * 86_400_000);
  assert.equal(config.continuity.delay, 120_000);
  assert.equal(config.retention.raw, null);
  assert.equal(config.limits.loopMessages, 20);
  assert.deepEqual({ file, warnings, notices }, { file: null, warnings: [], notices: [] });
});

const VALID: readonly [toml: string, key: (config: Config) => unknown, value: unknown][] = [
  ['smtp.max_size = 1024', c => c.smtp.maxSize, 1024],
  ['smtp.max_size = "20 MB"', c => c.smtp.maxSize, 20_000_000],
  ['smtp.max_size = "1.5GiB"', c => c.smtp.maxSize, 1.5 * 2 ** 30],
  ['smtp.max_size = "64m"', c => c.smtp.maxSize, 64 * 2 ** 20],
  ['limits.min_free = 0', c => c.limits.minFree, 0],
  ['smtp.idle_timeout = "500ms"', c => c.smtp.idleTimeout, 500],
  ['smtp.idle_timeout = "1h30m"', c => c.smtp.idleTimeout, 5_400_000],
  ['smtp.idle_timeout = "1.5 m"', c => c.smtp.idleTimeout, 90_000],
  ['continuity.delay = 0', c => c.continuity.delay, 0],
  ['continuity.delay = "0"', c => c.continuity.delay, 0],
  ['outbound.give_up = "2w"', c => c.outbound.giveUp, 14 * 86_400_000],
  ['outbound.retry = ["10s", "4h"]', c => c.outbound.retry, [10_000, 14_400_000]],
  ['outbound.retry = "10s"', c => c.outbound.retry, [10_000]],
  ['retention.raw = "always"', c => c.retention.raw, null],
  ['retention.raw = "365d"', c => c.retention.raw, 365 * 86_400_000],
  ['smtp.listen = []', c => c.smtp.listen, []],
  ['smtp.listen = "[::1]:0"', c => c.smtp.listen, [{ kind: 'tcp', host: '::1', port: 0 }]],
  ['smtp.listen = ["LOCALHOST:25"]', c => c.smtp.listen, [{ kind: 'tcp', host: 'localhost', port: 25 }]],
  ['smtp.listen = ["127.0.0.1:0", "127.0.0.1:0"]', c => c.smtp.listen.length, 1],
  [
    'lmtp.listen = "unix:/run/replyd//lmtp.sock"',
    c => c.lmtp.listen,
    [{ kind: 'unix', path: '/run/replyd/lmtp.sock' }],
  ],
  ['lmtp.listen = ["127.0.0.1:24"]', c => c.lmtp.listen, [{ kind: 'tcp', host: '127.0.0.1', port: 24 }]],
  [`lmtp.listen = "unix:/${'a'.repeat(106)}"`, c => c.lmtp.listen.length, 1],
  ['lmtp.socket_mode = "0600"', c => c.lmtp.socketMode, 0o600],
  ['lmtp.socket_mode = "666"', c => c.lmtp.socketMode, 0o666],
  ['lmtp.socket_mode = 0o660', c => c.lmtp.socketMode, 0o660],
  ['http.listen = ""', c => c.http.listen, null],
  ['http.public_url = "https://mail.example.com/replyd/"', c => c.http.publicUrl, 'https://mail.example.com/replyd'],
  ['ingress.relay.password = "old one, with comma"', c => c.ingress.relay.password, ['old one, with comma']],
  [
    'ingress.relay.password = ["the old password", "the new password"]',
    c => c.ingress.relay.password,
    ['the old password', 'the new password'],
  ],
  ['reply.prefix = "Antwort"', c => c.reply.prefix, ['antwort']],
  ['reply.prefix = ["answer", "reply"]', c => c.reply.prefix, ['answer', 'reply']],
  ['reply.separator = "="', c => c.reply.separator, '='],
  ['operator.address = "Ops@EXAMPLE.com"', c => c.operator.address, 'Ops@example.com'],
  ['operator.address = "ops@bücher.example"', c => c.operator.address, 'ops@xn--bcher-kva.example'],
  ['smtp.hostname = "mx"', c => c.smtp.hostname, 'mx'],
  [
    'smtp.trusted_networks = ["10.1.2.3", "2001:DB8::/32", "::ffff:10.9.0.0/16", "::ffff:10.8.0.1"]',
    c => c.smtp.trustedNetworks,
    ['10.1.2.3/32', '2001:db8::/32', '10.9.0.0/16', '10.8.0.1/32'],
  ],
  ['hooks.allow_private = true', c => c.hooks.allowPrivate, true],
  ['outbound.envelope_sender = "support"', c => c.outbound.envelopeSender, 'support'],
  ['outbound.envelope_sender = "replyd@example.com"', c => c.outbound.envelopeSender, 'replyd@example.com'],
  ['outbound = { transport = "smtp", host = "[2001:db8::1]" }', c => c.outbound.host, '2001:db8::1'],
  ['data_dir = "../data"', c => c.dataDir, '/etc/data'],
  ['tls = { certificate = "tls/c.pem", key = "/k.pem" }', c => c.tls.certificate, '/etc/mail/tls/c.pem'],
  ['store.url = " postgres://u:p@a,b/d "', c => c.store.url, 'postgres://u:p@a,b/d'],
  ['store.patience = "2s"', c => c.store.patience, 2000],
  ['auth.authserv_id = "mx.example.com"', c => c.auth.authservId, ['mx.example.com']],
];

test('values as people write them', () => {
  for (const [toml, read, value] of VALID) assert.deepEqual(read(load(toml).config), value, toml);
});

const INVALID: readonly [toml: string, line: number | null, key: string, reason: RegExp][] = [
  ['\nstore.url = "mysql://h/d"', 2, 'store.url', /^must begin with postgres:\/\/ or postgresql:\/\//],
  ['store.url = 5', 1, 'store.url', /^must begin with postgres:/],
  ['store.url = ["postgres://h/d"]', 1, 'store.url', /must be one value \(postgres:\/\/ URL\), not a list/],
  [
    'store.url = "postgres://h/d?sslmode=verify-full"',
    1,
    'store.url',
    /^sslmode=verify-full needs to know whom to trust/,
  ],
  ['store.pool = 2', 1, 'store.pool', /whole number from 5 to 200/],
  ['smtp.maxsize = 1', 1, 'smtp.maxsize', /unknown key, did you mean smtp\.max_size\?/],
  ['[smpt]\n\nlisten = []', 3, 'smpt.listen', /did you mean smtp\.listen\?/],
  ['max_size = 1', 1, 'max_size', /did you mean smtp\.max_size or outbound\.max_size\?/],
  ['[smtp]\n# a note\ndataTimeout = "1m"', 3, 'smtp.dataTimeout', /did you mean smtp\.data_timeout\?/],
  ['colour = "red"', 1, 'colour', /^unknown key$/],
  ['__proto__ = "x"', 1, '__proto__', /^unknown key$/],
  ['[constructor]', 1, 'constructor', /^unknown key$/],
  ['smtp = 25', 1, 'smtp', /is a group of keys/],
  ['[[lmtp]]\nlisten = "x"', 1, 'lmtp', /is a group of keys/],
  ['[data_dir]\nx = 1', 1, 'data_dir', /must be one value/],
  ['data_dir = ["a", "b"]', 1, 'data_dir', /must be one value \(path\), not a list/],
  ['data_dir = ""', 1, 'data_dir', /is empty/],
  ['[log]\nlevel = "loud"', 2, 'log.level', /"loud" must be one of "debug", "info", "warn", "error"/],
  ['smtp.max_size = "35 megs"', 1, 'smtp.max_size', /must be a size such as/],
  ['smtp.max_size = -1', 1, 'smtp.max_size', /must be a size/],
  ['smtp.max_size = 10', 1, 'smtp.max_size', /at least 1KiB/],
  ['smtp.max_size = "9000000TB"', 1, 'smtp.max_size', /a smaller size/],
  ['limits.response_bytes = "1MB"', 1, 'limits.response_bytes', /at least 1MiB/],
  ['limits.response_bytes = "257MiB"', 1, 'limits.response_bytes', /at most 256MiB/],
  ['smtp.max_size = 1979-05-27', 1, 'smtp.max_size', /not a date/],
  ['smtp.idle_timeout = 30', 1, 'smtp.idle_timeout', /with its unit, such as "30s"/],
  ['smtp.idle_timeout = "0"', 1, 'smtp.idle_timeout', /from 100ms to 1d/],
  ['smtp.idle_timeout = "soon"', 1, 'smtp.idle_timeout', /must be a duration/],
  ['outbound.retry = []', 1, 'outbound.retry', /must not be empty/],
  ['outbound.retry = ["1m", "x", 5]', 1, 'outbound.retry', /entry 2: .*; entry 3: /],
  ['smtp.max_connections = 1.5', 1, 'smtp.max_connections', /whole number from 1 to/],
  ['smtp.max_connections = true', 1, 'smtp.max_connections', /true must be a whole number/],
  ['smtp.max_connections = 0', 1, 'smtp.max_connections', /whole number from 1 to/],
  ['smtp.listen = "25"', 1, 'smtp.listen', /such as "127\.0\.0\.1:25" or, for all addresses, "\[::\]:25"/],
  ['smtp.listen = 25', 1, 'smtp.listen', /such as "127\.0\.0\.1:25"/],
  ['smtp.listen = "::1:25"', 1, 'smtp.listen', /host:port/],
  ['smtp.listen = "[127.0.0.1]:25"', 1, 'smtp.listen', /host:port/],
  ['smtp.listen = "300.1.1.1:25"', 1, 'smtp.listen', /host:port/],
  ['smtp.listen = "127.0.0.1:65536"', 1, 'smtp.listen', /host:port/],
  ['smtp.listen = "unix:/run/x"', 1, 'smtp.listen', /host:port/],
  ['lmtp.listen = "unix:lmtp.sock"', 1, 'lmtp.listen', /begins with \//],
  [`lmtp.listen = "unix:/${'a'.repeat(107)}"`, 1, 'lmtp.listen', /has 108 bytes, a unix socket takes 107/],
  ['lmtp.socket_mode = 0660', 1, 'TOML', /"0660" or 0o660/],
  ['lmtp.socket_mode = 660', 1, 'lmtp.socket_mode', /octal/],
  ['lmtp.socket_mode = "0440"', 1, 'lmtp.socket_mode', /"rw" for the owner/],
  ['lmtp.socket_mode = "0888"', 1, 'lmtp.socket_mode', /octal/],
  ['http.public_url = "replyd.example.com"', 1, 'http.public_url', /http\(s\) address/],
  ['http.public_url = "ftp://example.com"', 1, 'http.public_url', /http\(s\) address/],
  ['http.public_url = "https://example.com/?a=1"', 1, 'http.public_url', /without user, query/],
  ['reply.prefix = []', 1, 'reply.prefix', /must not be empty/],
  ['reply.prefix = ["reply", "bounce"]', 1, 'reply.prefix', /entry 2: "bounce" is taken/],
  ['reply.prefix = "Postmaster"', 1, 'reply.prefix', /is taken/],
  ['reply.prefix = "re ply"', 1, 'reply.prefix', /must be a word/],
  ['reply.prefix = "a+b"', 1, 'reply.prefix', /must be a word/],
  ['reply.separator = "_"', 1, 'reply.separator', /"\+", "-", "="/],
  ['operator.address = "ops"', 1, 'operator.address', /e-mail address/],
  ['operator.address = "a b@example.com"', 1, 'operator.address', /e-mail address/],
  ['operator.address = "ops@exa mple.com"', 1, 'operator.address', /e-mail address/],
  ['smtp.hostname = "mx.example.com:25"', 1, 'smtp.hostname', /host name/],
  ['smtp.hostname = "10.0.0.1"', 1, 'smtp.hostname', /host name/],
  ['smtp.trusted_networks = "10.0.0/8"', 1, 'smtp.trusted_networks', /must be a network/],
  ['smtp.trusted_networks = "10.0.0.0/33"', 1, 'smtp.trusted_networks', /must be a network/],
  ['smtp.trusted_networks = "example.com"', 1, 'smtp.trusted_networks', /must be a network/],
  ['hooks.allow_private = "maybe"', 1, 'hooks.allow_private', /true or false/],
  ['outbound.envelope_sender = "nobody"', 1, 'outbound.envelope_sender', /"bounce", "support" or an e-mail address/],
  ['outbound.port = 0', 1, 'outbound.port', /from 1 to 65535/],
  ['retention.raw = "never"', 1, 'retention.raw', /or "always"/],
  ['a = = 1', 1, 'TOML', /./],
  // What TOML forbids when keys are pasted: the reason names both lines and what to do.
  [
    '[smtp]\nmax_connections = 1\nmax_connections = 2',
    3,
    'smtp.max_connections',
    /^is given twice, on lines 2 and 3: delete one of them$/,
  ],
  ['smtp.listen = []\n\n"smtp" . listen = []', 3, 'smtp.listen', /on lines 1 and 3: delete one/],
  ['smtp.listen = []\nsmtp.listen = [', 2, 'smtp.listen', /on lines 1 and 2: delete one/],
  ['[smtp]\n[http]\n[smtp]', 3, 'smtp', /on lines 1 and 3: put its keys below one of them/],
  [
    'smtp.listen = []\n\n[smtp]\nhostname = "mx"',
    3,
    'smtp',
    /^is written in two forms, smtp\.listen on line 1 and \[smtp\] on line 3: write all keys of smtp in one form, such as smtp\.listen = …$/,
  ],
  ['smtp = { listen = [] }\nsmtp.hostname = "mx"', 2, 'smtp', /smtp on line 1 and smtp\.hostname on line 2/],
  ['[ingress.relay]\n[ingress]\nrelay.password = "p"', 3, 'ingress.relay', /\[ingress\.relay\] on line 1/],
  [
    '[smtp]\nmax_size = 2048\nsmtp.listen = []',
    3,
    'smtp.smtp.listen',
    /stands below \[smtp\] \(line 1\): move smtp\.listen above the first \[table\] of the file$/,
  ],
  // Between keys: told at the line of the key that was set.
  ['[tls]\ncertificate = "/c.pem"', 2, 'tls.key', /is missing: tls\.certificate needs it/],
  ['[tls]\nkey = "/k.pem"', 2, 'tls.certificate', /is missing: tls\.key needs it/],
  ['outbound.transport = "smtp"', 1, 'outbound.host', /is missing/],
  ['outbound.username = "u"', 1, 'outbound.password', /is missing/],
  ['outbound.password = "p"', 1, 'outbound.username', /is missing/],
  [
    'ingress.relay.password = "15 characters.."',
    1,
    'ingress.relay.password',
    /^has 15 characters.*at least 16.*openssl/,
  ],
  [
    'ingress.mailgun.signing_key = ["long enough for us", "short"]',
    1,
    'ingress.mailgun.signing_key',
    /^entry 2: has 5 characters/,
  ],
  ['ingress.mandrill.key = "key of sixteen.."', 1, 'http.public_url', /Mandrill signs/],
  ['http.listen = ""\ningress.relay.password = "password of many"', 2, 'ingress.relay.password', /nothing listens/],
  ['smtp.listen = "127.0.0.1:8025"', 1, 'http.listen', /"127\.0\.0\.1:8025" is taken \(smtp\.listen\)/],
  ['lmtp.listen = "127.0.0.1:2525"', 1, 'lmtp.listen', /is taken/],
  ['ingress.listen = "127.0.0.1:8025"', 1, 'ingress.listen', /is taken \(http\.listen\)/],
  ['smtp.listen = ["0.0.0.0:25", "[::]:25"]', 1, 'smtp.listen', /takes IPv4 too, leave 0\.0\.0\.0 out/],
  ['smtp.listen = ["[::]:8025"]', 1, 'http.listen', /overlaps/],
  ['web.listen = "127.0.0.1:8025"', 1, 'web.listen', /is taken \(http\.listen\)/],
  ['web.listen = "[::]:8027"', 1, 'web.public_url', /must begin with https/],
  ['web.listen = "0.0.0.0:8027"\nweb.public_url = "http://s.example"', 2, 'web.public_url', /must begin with https/],
];

test('what is wrong names file, line, key and reason', () => {
  for (const [toml, line, key, reason] of INVALID) {
    const { message, problems } = faultsOf(() => load(toml));
    assert.deepEqual(
      problems.map(problem => [problem.file, problem.line, problem.key]),
      [[FILE, line, key]],
      toml,
    );
    assert.match(problems[0]!.reason, reason, toml);
    assert.equal(message, `${FILE}:${line}: ${key}: ${problems[0]!.reason}`);
  }
});

test('listeners that can stand beside each other are let be', () => {
  for (const toml of [
    'smtp.listen = ["127.0.0.1:25", "[::1]:25", "0.0.0.0:2525"]',
    'smtp.listen = ["127.0.0.1:0"]\nlmtp.listen = ["127.0.0.1:0"]\nhttp.listen = "127.0.0.1:0"',
    'smtp.listen = ["0.0.0.0:25", "[::1]:25"]',
  ]) {
    assert.deepEqual(load(toml).warnings, [], toml);
  }
});

test('everything that is wrong is told at once, in the order of the file', () => {
  const text = '[smtp]\nmax_size = "x"\nlisten = "25"\n[outbound]\ntransport = "smtp"\nport = "y"\n';
  const { message, problems } = faultsOf(() => load(text, { REPLYD_LOG_LEVEL: 'loud' }));
  assert.deepEqual(
    problems.map(({ file, line, key }) => [file, line, key]),
    [
      [FILE, 2, 'smtp.max_size'],
      [FILE, 3, 'smtp.listen'],
      [FILE, 5, 'outbound.host'],
      [FILE, 6, 'outbound.port'],
      [null, null, 'REPLYD_LOG_LEVEL'],
    ],
  );
  assert.match(message, /^5 problems in the configuration:\n {2}\/etc\/mail\/replyd\.toml:2: smtp\.max_size: /);
});

test('a broken key causes no further complaint', () => {
  const { problems } = faultsOf(() => load('[outbound]\ntransport = "smtp"\nhost = "a b"'));
  assert.deepEqual(
    problems.map(({ key }) => key),
    ['outbound.host'],
  );
});

test('no message holds a secret', () => {
  const texts = [
    'ingress.relay.password = "hunter22"\ningress.mandrill.key = "hunter22"\ncolour = 1',
    'outbound.password = "hunter22',
    'store.url = "postgres://u:hunter22@@h"',
    'store.url = "hunter22"',
    'store.url = "postgres://h/d?hunter22=1"',
    'store.url = ["hunter22"]',
    'outbound.password = "hunter22" "hunter22"',
    'outbound.password = hunter22',
    'ingress.relay.password = [\n  "hunter22=1",\n  "hunter22=2" 3\n]',
    'ingress.relay.password = ["hunter22", { hunter22 = "hunter22" }, ["hunter22"]]',
  ];
  for (const text of texts) {
    const { message, problems } = faultsOf(() => load(text));
    assert.ok(!`${message}${JSON.stringify(problems)}`.includes('hunter22'), `${text}\n${message}`);
  }
  const { notices, warnings } = load('', {
    RAILS_INBOUND_EMAIL_PASSWORD: 'hunter22',
    RAILS_INBOUND_EMAIL_SERVICE: 'hunter22',
  });
  assert.ok(!JSON.stringify({ notices, warnings }).includes('hunter22'));
});

test('the store is a folder, or a database with what the variables of libpq say of it', () => {
  assert.deepEqual(load('data_dir = "/d"').store, { kind: 'sqlite', dataDir: '/d' });
  assert.deepEqual(load('data_dir = "/d"', { PGHOST: 'db', PGSSLMODE: 'nonsense' }).store.kind, 'sqlite');
  const env = { REPLYD_STORE_URL: 'postgres://u@/d', PGHOST: 'one,two', PGPASSWORD: 'hunter22', PGSSLMODE: 'disable' };
  const { store } = load('data_dir = "/d"\nstore.standbys = 1', env);
  assert.ok(store.kind === 'postgres');
  const { dataDir, name, pool, patience, standbys } = store;
  assert.deepEqual([dataDir, name, pool, patience, standbys], ['/d', 'postgres://u:***@one,two/d', 10, 5000, 1]);
  assert.deepEqual(
    store.servers.map(each => [each.host, each.password(), each.ssl]),
    [
      ['one', 'hunter22', false],
      ['two', 'hunter22', false],
    ],
  );
  const { message } = faultsOf(() => load('store.url = "postgres://h/d"', { PGSSLMODE: 'no' }));
  assert.equal(message, 'environment: PGSSLMODE: must be disable, allow, prefer, require, verify-ca, verify-full');
});

test('every key has a variable of its own, which comes before the file', () => {
  assert.equal(new Set(KEY_NAMES.map(variableOf)).size, KEY_NAMES.length);
  const env = {
    REPLYD_SMTP_LISTEN: '127.0.0.1:25, [::1]:25',
    REPLYD_SMTP_MAX_SIZE: '1MiB',
    REPLYD_HOOKS_ALLOW_PRIVATE: 'yes',
    REPLYD_SMTP_MAX_CONNECTIONS: '7',
    REPLYD_INGRESS_MAILGUN_SIGNING_KEY: 'the old signing key,the new signing key',
    REPLYD_DATA_DIR: 'here',
    REPLYD_HTTP_LISTEN: '',
    REPLYD_LMTP_LISTEN: '',
    REPLYD_INGRESS_LISTEN: '127.0.0.1:9000',
  };
  const { config } = load('smtp.max_size = "2MiB"\nlmtp.listen = "127.0.0.1:24"', env);
  assert.deepEqual(
    config.smtp.listen.map(listen => listen.port),
    [25, 25],
  );
  assert.equal(config.smtp.maxSize, 2 ** 20);
  assert.equal(config.hooks.allowPrivate, true);
  assert.equal(config.smtp.maxConnections, 7);
  assert.deepEqual(config.ingress.mailgun.signingKey, ['the old signing key', 'the new signing key']);
  assert.equal(config.dataDir, '/work/here');
  assert.equal(config.http.listen, null);
  assert.deepEqual(config.lmtp.listen, []);
});

test('variables that begin with REPLYD_ must be known', () => {
  const { problems, message } = faultsOf(() => defaults({ REPLYD_SMTP_LISTN: 'x', REPLYD_LOG_LEVEL: '' }));
  assert.deepEqual(
    problems.map(({ key }) => key),
    ['REPLYD_SMTP_LISTN', 'REPLYD_LOG_LEVEL'],
  );
  assert.match(message, /environment: REPLYD_SMTP_LISTN: unknown variable, did you mean REPLYD_SMTP_LISTEN\?/);
  assert.match(faultsOf(() => defaults({ REPLYD_OUTBOUN_PORT: '25' })).message, /REPLYD_OUTBOUND_PORT\?/);
  const others = { REPLYD_SOCKET: '/s', PATH: '/bin', replyd_x: '1', XREPLYD_: '1' };
  const kubernetes = {
    REPLYD_SERVICE_HOST: '10.0.0.1',
    REPLYD_SERVICE_PORT: '25',
    REPLYD_SERVICE_PORT_SMTP: '25',
    REPLYD_PORT: 'tcp://10.0.0.1:25',
    REPLYD_PORT_25_TCP: 'tcp://10.0.0.1:25',
    REPLYD_PORT_25_TCP_ADDR: '10.0.0.1',
    REPLYD_MX_PORT: 'tcp://10.0.0.1:25',
  };
  assert.deepEqual(defaults({ ...others, ...kubernetes }).warnings, []);
});

test('which file is read', () => {
  const asked: string[] = [];
  const readFile = (file: string) => {
    asked.push(file);
    return file === SYSTEM_CONFIG ? null : { text: '', mode: 0o600 };
  };
  const fileOf = (file: string | undefined, env: Record<string, string>) =>
    loadConfig({ ...(file === undefined ? {} : { file }), env, cwd: '/work', readFile }).file;
  assert.equal(fileOf('a.toml', { REPLYD_CONFIG: '/b.toml' }), '/work/a.toml');
  assert.equal(fileOf(undefined, { REPLYD_CONFIG: 'b.toml' }), '/work/b.toml');
  assert.equal(fileOf(undefined, { REPLYD_CONFIG: '' }), null);
  assert.deepEqual(asked, ['/work/a.toml', '/work/b.toml', SYSTEM_CONFIG]);
});

test('a file that was asked for must be there and readable', () => {
  const missing = faultsOf(() => loadConfig({ file: 'no.toml', env: {}, cwd: '/nowhere-at-all' }));
  assert.match(missing.message, /^\/nowhere-at-all\/no\.toml: there is no such file; `replyd init`/);
  const folder = faultsOf(() => loadConfig({ env: { REPLYD_CONFIG: '.' }, cwd: process.cwd() }));
  assert.match(folder.message, /: cannot be read: is a directory/);
});

test('what works but is hardly meant is a warning', () => {
  const warningsOf = (text: string, mode = 0o640) => load(text, {}, mode).warnings;
  const smarthost = '[outbound]\ntransport = "smtp"\nusername = "u"\npassword = "p"\n';
  assert.match(warningsOf('ingress.relay.password = "password of many"', 0o644)[0]!, /holds secrets .*mode 0644/);
  assert.deepEqual(warningsOf('ingress.relay.password = "password of many"', 0o640), []);
  assert.deepEqual(warningsOf('smtp.max_connections = 5', 0o644), []);
  assert.match(warningsOf('outbound.host = "mx.example.com"')[0]!, /:1: outbound\.transport: is "file"/);
  assert.match(warningsOf(`${smarthost}host = "mx.example.com"`)[0]!, /outbound\.tls: is "opportunistic"/);
  assert.deepEqual(warningsOf(`${smarthost}host = "127.0.0.1"`), []);
  assert.deepEqual(warningsOf(`${smarthost}host = "mx.example.com"\ntls = "implicit"\nport = 465`), []);
  assert.match(warningsOf(`${smarthost}host = "mx.example.com"\ntls = "implicit"`)[0]!, /465/);
  assert.match(warningsOf('ingress.listen = "127.0.0.1:9000"')[0]!, /without a door/);
  assert.match(warningsOf('smtp.trusted_networks = "::/0"')[0]!, /whole internet/);
  const system = loadConfig({ env: {}, cwd: '/work', readFile: () => ({ text: '', mode: 0o644 }) });
  assert.match(system.warnings[0]!, /data_dir is not set/);
});

test("Rails' variables are understood and mentioned", () => {
  const { config, notices, inboundDomain } = defaults({
    RAILS_INBOUND_EMAIL_SERVICE: 'postmark',
    RAILS_INBOUND_EMAIL_PASSWORD: 'the password, 1!',
    MAILGUN_INGRESS_SIGNING_KEY: 'key of mailgun..',
    MANDRILL_INGRESS_API_KEY: 'key of mandrill.',
    MAILER_INBOUND_EMAIL_DOMAIN: 'Reply.example.com',
    REPLYD_HTTP_PUBLIC_URL: 'https://replyd.example.com',
  });
  assert.deepEqual(config.ingress.postmark.password, ['the password, 1!']);
  assert.deepEqual(config.ingress.relay.password, []);
  assert.deepEqual(config.ingress.mailgun.signingKey, ['key of mailgun..']);
  assert.deepEqual(config.ingress.mandrill.key, ['key of mandrill.']);
  assert.equal(inboundDomain, 'reply.example.com');
  assert.deepEqual(
    notices.map(notice => notice.split(' ')[0]),
    [
      'RAILS_INBOUND_EMAIL_PASSWORD',
      'MAILGUN_INGRESS_SIGNING_KEY',
      'MANDRILL_INGRESS_API_KEY',
      'MAILER_INBOUND_EMAIL_DOMAIN:',
    ],
  );
});

test("Rails' variables give way to our keys and never stop the start", () => {
  assert.deepEqual(defaults({ RAILS_INBOUND_EMAIL_PASSWORD: 'password of rails' }).config.ingress.relay.password, [
    'password of rails',
  ]);
  const own = load('ingress.relay.password = "a password of my own"', {
    RAILS_INBOUND_EMAIL_PASSWORD: 'password of rails',
  });
  assert.deepEqual(own.config.ingress.relay.password, ['a password of my own']);
  assert.match(own.notices[0]!, /not used: ingress\.relay\.password is set/);
  assert.match(
    defaults({ RAILS_INBOUND_EMAIL_SERVICE: 'ses', RAILS_INBOUND_EMAIL_PASSWORD: 'password of rails' }).warnings[0]!,
    /opens no door/,
  );
  assert.match(defaults({ MAILER_INBOUND_EMAIL_DOMAIN: 'not a domain' }).warnings[0]!, /not a domain/);
  const mailgun = defaults({
    RAILS_INBOUND_EMAIL_SERVICE: 'mailgun',
    RAILS_INBOUND_EMAIL_PASSWORD: 'password of rails',
  });
  assert.deepEqual(mailgun.config.ingress.relay.password, []);
  assert.match(mailgun.notices[0]!, /not used: the service is mailgun/);
});

test('a reload tells what changed and what needs a restart', () => {
  const old = load('').config;
  const next = load(
    'log = { level = "debug", format = "pretty" }\nsmtp.listen = "127.0.0.1:26"\nreply.prefix = ["reply"]',
  ).config;
  assert.deepEqual(diffReload(old, next), {
    changed: ['log.level', 'log.format', 'smtp.listen'],
    needRestart: ['log.format', 'smtp.listen'],
  });
  assert.deepEqual(diffReload(old, load('').config), { changed: [], needRestart: [] });
});
