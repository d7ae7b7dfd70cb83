/**
 * Holds what people read against what the program does: a page that names a key, a variable, a script, a file or a
 * heading that does not exist, or shows a configuration that does not load, costs an operator an evening.
 *
 * `faultsIn` finds such places in any Markdown text; the first test shows on a bad page that it does.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { apiRoutes } from '#replyd/api/api.js';
import { OPEN_PLACES } from '#replyd/api/health.js';
import { errorText } from '#replyd/base/errors.js';
import { exampleConfig } from '#replyd/config/example.js';
import { findKey, isGroup, KEY_NAMES, variableOf } from '#replyd/config/keys.js';
import { loadConfig } from '#replyd/config/load.js';
import { PROVIDERS, secretKeyOf } from '#replyd/ingress/providers/list.js';

const PAGES = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...readdirSync('docs')
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`),
];

const VARIABLES: ReadonlySet<string> = new Set([...KEY_NAMES.map(variableOf), 'REPLYD_CONFIG', 'REPLYD_SOCKET']);
const GROUPS: ReadonlySet<string> = new Set(
  KEY_NAMES.filter(name => name.includes('.')).map(name => name.split('.')[0]!),
);
const SCRIPTS = scriptsOf('package.json');

function scriptsOf(file: string): ReadonlySet<string> {
  const { scripts } = JSON.parse(readFileSync(file, 'utf8')) as { scripts: Record<string, string> };
  return new Set(Object.keys(scripts));
}

/** Fenced blocks with their language, and the text between them. */
function splitPage(markdown: string): { blocks: { language: string; text: string }[]; prose: string } {
  const blocks: { language: string; text: string }[] = [];
  const prose = markdown.replaceAll(/^```([a-z]*)[^\n]*\n(.*?)^```$/gms, (_, language: string, text: string) => {
    blocks.push({ language, text });
    return '';
  });
  return { blocks, prose };
}

/** Key names in running text: words such as `smtp.max_size` whose first part is one of our groups, no host names. */
function keysIn(text: string): string[] {
  const words = [...text.matchAll(/(?<![\w.@/-])[a-z]+(?:\.[a-z_]+){1,2}(?![\w@/-]|\.\w)/g)].map(match => match[0]);
  return words.filter(word => GROUPS.has(word.split('.')[0]!) && !/\.(?:com|net|org|example)$/.test(word));
}

/** A page as it is read; what the contract announces does not exist yet. */
function readPage(page: string): string {
  const text = readFileSync(page, 'utf8');
  return page === 'docs/contract.md' ? text.slice(0, text.indexOf('\n## 11. Announced')) : text;
}

/** The anchors of a page's headings, as GitHub writes them. */
function anchorsOf(markdown: string): string[] {
  return [...splitPage(markdown).prose.matchAll(/^#+ (.*)$/gm)].map(match =>
    match[1]!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function linkFaults(page: string, prose: string): string[] {
  return [...prose.matchAll(/\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].flatMap(([, name, anchor]) => {
    const file = name === '' ? page : path.join(path.dirname(page), name!);
    if (!existsSync(file)) return [`no such file: ${file}`];
    if (anchor === undefined || !file.endsWith('.md')) return [];
    const text = name === '' ? prose : readFileSync(file, 'utf8');
    return anchorsOf(text).includes(anchor) ? [] : [`no such heading: ${file}#${anchor}`];
  });
}

function faultsIn(markdown: string, page = 'README.md'): string[] {
  const { blocks, prose } = splitPage(markdown);
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)].map(match => match[1]!);
  const faults = spans
    .flatMap(keysIn)
    .filter(name => findKey(name) === null && !isGroup(name))
    .map(name => `no such key: ${name}`);
  for (const [variable] of markdown.matchAll(/\bREPLYD_[A-Z0-9_]*[A-Z0-9]/g)) {
    if (!VARIABLES.has(variable)) faults.push(`no such variable: ${variable}`);
  }
  for (const [, script] of markdown.matchAll(/\bnpm run (?:--silent )?([a-z][a-z:]*)/g)) {
    if (!SCRIPTS.has(script!)) faults.push(`no such script: ${script}`);
  }
  faults.push(...linkFaults(page, prose));
  for (const { language, text } of blocks) {
    if (language === 'toml') faults.push(...configFaults(text));
  }
  return faults;
}

function configFaults(text: string): string[] {
  try {
    loadConfig({ file: '/etc/replyd/config.toml', env: {}, cwd: '/', readFile: () => ({ text, mode: 0o640 }) });
    return [];
  } catch (error) {
    return [`configuration that does not load: ${errorText(error)}`];
  }
}

test('a page that is wrong is found out', () => {
  const page = [
    'Set `smtp.maxsize`, not `smtp.max_size`, or `REPLYD_SMTP_MAXSIZE`; `$REPLYD_SOCKET` and `ingress.relay` are fine,',
    'so are `mx.example.com`, `smtp.example.com:25`, `/etc/log.level` and `[smtp]`; see [the log](CHANGELOG.md),',
    '[more](docs/none.md), [elsewhere](https://example.com/docs.md), [its answers](docs/contract.md#4-smtp-answers),',
    '[and](docs/contract.md#4-answers), [below](#down-there) and [nowhere](#below).',
    '## Down, there!',
    '```sh',
    'npm run demo && npm run nonsense',
    '```',
    '```toml',
    '[outbound]',
    'transport = "smtp"',
    '```',
    '```toml',
    '[smtp]',
    'listen = ["[::]:25"]',
    '```',
  ].join('\n');
  assert.deepEqual(
    faultsIn(page).map(fault => fault.replace(/does not load: .*?(outbound\.\w+).*/, 'does not load: $1')),
    [
      'no such key: smtp.maxsize',
      'no such variable: REPLYD_SMTP_MAXSIZE',
      'no such script: nonsense',
      'no such file: docs/none.md',
      'no such heading: docs/contract.md#4-answers',
      'no such heading: README.md#below',
      'configuration that does not load: outbound.host',
    ],
  );
});

test('the documents name only what exists', () => {
  for (const page of PAGES) assert.deepEqual(faultsIn(readPage(page), page), [], page);
});

test('README is short', () => {
  assert.ok(readFileSync('README.md', 'utf8').split('\n').length - 1 <= 150);
});

test('the documents show only routes that there are, and all of the open ones', () => {
  const pages = PAGES.map(readPage).join('\n');
  const routes = apiRoutes({ testHook: async () => ({ ok: true, response: '' }), stream: {} as never });
  const patterns = [...routes, ...OPEN_PLACES].map(
    ({ path }) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  );
  const shown = [...pages.matchAll(/(?<![\w/])(?:\$API)?(\/v1\/[^\s`'"?)]+)/g)].map(match => match[1]!);
  assert.ok(shown.length >= 5);
  assert.deepEqual(
    shown.filter(place => !patterns.some(pattern => pattern.test(place))),
    [],
  );
  for (const { path } of OPEN_PLACES) assert.ok(pages.includes(path), path);
});

/** Every file of the folders that comments and pages speak of. */
const FILES: readonly string[] = ['src', 'test', 'docs', 'migrations', 'bin', '.ci', 'packaging'].flatMap(folder =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => `${folder}/${name}`),
);

/** A name as people write it: its end stands for the file, `rules/loop.ts` for `src/conversation/rules/loop.ts`. */
function isThere(name: string): boolean {
  return existsSync(name) || FILES.some(file => file.endsWith(`/${name}`));
}

test('operations.md names only figures that are counted', () => {
  const sources = FILES.filter(file => /^src\/.*\.ts$/.test(file)).map(file => readFileSync(file, 'utf8'));
  const named = readPage('docs/operations.md').match(/\breplyd_[a-z_]+/g) ?? [];
  assert.ok(named.length > 3);
  assert.deepEqual(
    named.filter(name => !sources.some(source => source.includes(`'${name}'`))),
    [],
  );
});

test('comments in src cite only files that are there', () => {
  const wrong = FILES.filter(file => /^src\/.*\.ts$/.test(file)).flatMap(file => {
    const comments = readFileSync(file, 'utf8').match(/\/\*.*?\*\/|(?<=^|\s)\/\/[^\n]*/gs) ?? [];
    const cited = comments.flatMap(
      comment => comment.match(/(?<![\w./@-])\w[\w-]*(?:\/[\w.-]+)*\.(?:ts|md|sql)\b/g) ?? [],
    );
    return cited.filter(name => !isThere(name) && !name.includes('NNNN')).map(name => `${file}: ${name}`);
  });
  assert.deepEqual(wrong, []);
});

test('the architecture and the rules for contributors name only files that are there', () => {
  for (const page of ['docs/architecture.md', 'CONTRIBUTING.md']) {
    const { prose } = splitPage(readFileSync(page, 'utf8'));
    const named = [...prose.matchAll(/`([\w.-]+(?:\/[\w.-]*)+|[\w-]+\.(?:ts|js|md|sql))`/g)].map(match => match[1]!);
    const missing = named.filter(name => !/NNN|NAME/.test(name) && !isThere(name.replace(/\/$/, '')));
    assert.deepEqual(missing, [], page);
  }
});

test('meanings in the example file name only keys that exist', () => {
  const wrong = KEY_NAMES.flatMap(name =>
    keysIn(findKey(name)!.meaning)
      .filter(other => findKey(other) === null)
      .map(other => `${name}: ${other}`),
  );
  assert.deepEqual(wrong, []);
  assert.deepEqual(
    keysIn(exampleConfig()).filter(name => findKey(name) === null),
    [],
  );
});

test('keys that others rely on keep their names', () => {
  const kept = `data_dir log.level log.format operator.address smtp.listen smtp.hostname smtp.max_size
    smtp.max_connections smtp.max_connections_per_ip smtp.max_recipients smtp.idle_timeout smtp.session_timeout
    smtp.data_timeout smtp.trusted_networks lmtp.listen lmtp.socket_mode lmtp.socket_group tls.certificate tls.key
    http.listen http.public_url ingress.listen ingress.relay.password ingress.mailgun.signing_key ingress.mandrill.key
    ingress.postmark.password ingress.sendgrid.password reply.prefix reply.separator outbound.transport outbound.host
    outbound.port outbound.tls outbound.username outbound.password outbound.envelope_sender outbound.max_size
    outbound.retry continuity.delay continuity.context continuity.history auth.authserv_id auth.verify auth.resolvers hooks.allow_private retention.raw
    limits.parse_time limits.parse_memory limits.loop_messages limits.loop_window limits.min_free
    limits.response_bytes`.split(/\s+/);
  assert.deepEqual(
    kept.filter(name => findKey(name) === null),
    [],
  );
});

test('the page of the providers names the address and the secret of each', () => {
  const text = readFileSync('docs/providers.md', 'utf8');
  for (const provider of PROVIDERS) {
    assert.ok(text.includes(`replyd.example.com${provider.paths[0]}\``), provider.name);
    assert.ok(text.includes(`\`${secretKeyOf(provider)}\``), provider.name);
  }
});
