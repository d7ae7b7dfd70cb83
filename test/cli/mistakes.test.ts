/**
 * What newcomers and operators get wrong, and what they are told: one or two lines that say what, where, and what to do.
 * Each row is a real run of `bin/replyd`, in a folder whose store has the account `acme` and one conversation.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import Database from 'better-sqlite3';
import { SMTPServer } from 'smtp-server';
import { userName } from '#replyd/cli/owner.js';
import { SYSTEM_CONFIG } from '#replyd/config/load.js';
import type { Message } from '#replyd/conversation/model.js';
import { addAccount, withDaemon } from '../daemon-process.js';
import { postgresMissing, startCluster } from '../postgres/cluster.js';
import { run } from '../run.js';
import { makeShop, PROGRAM, type Program } from './program.js';

interface Place {
  /** A port where somebody listens. */
  readonly taken: number;
  /** A smarthost that lets nobody in, and one that takes nothing from strangers. */
  readonly smarthost: number;
  readonly attachment: string;
}

interface Mistake {
  /** The words behind `replyd -c mine.toml`. */
  readonly run: string | ((place: Place) => string);
  /** What stands in mine.toml. */
  readonly config?: string | ((place: Place) => string);
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Run by somebody who is neither root nor the owner. */
  readonly stranger?: true;
  /** Without `-c`. */
  readonly bare?: true;
  /** Lines of standard output that begin so count, and what belongs to them. */
  readonly finding?: string;
  /** The exit code, if it is not 1. */
  readonly code?: number;
  readonly says: string;
}

/** Any user but root. */
const STRANGER = 65_534;
const isRoot = process.getuid?.() === 0;
const TLS = path.resolve('test/ingress/tls');
const tls = (certificate: string, key: string) =>
  `data_dir = "./data"\ntls.certificate = "${path.join(TLS, certificate)}"\ntls.key = "${path.join(TLS, key)}"\n`;
const base = 'data_dir = "./data"\n';
/** A daemon that gets as far as its doors. */
const doors = `${base}smtp.listen = ["127.0.0.1:0"]\nhttp.listen = ""\n`;
const smarthost = (port: number, more = '') =>
  `${doors}outbound.transport = "smtp"\noutbound.host = "127.0.0.1"\noutbound.port = ${port}\noutbound.tls = "none"\n${more}`;

const MISTAKES: Readonly<Record<string, Mistake>> = {
  'a key that there is not': {
    run: 'check-config',
    config: `${base}smtp.max_sise = "1MiB"\n`,
    says: 'replyd: /shop/mine.toml:2: smtp.max_sise: unknown key, did you mean smtp.max_size?',
  },
  'a duration without its unit': {
    run: 'check-config',
    config: `${base}continuity.delay = 5\n`,
    says: 'replyd: /shop/mine.toml:2: continuity.delay: 5 must be a duration with its unit, such as "5s"',
  },
  'a size without its unit': {
    run: 'check-config',
    config: `${base}smtp.max_size = "35 megs"\n`,
    says: 'replyd: /shop/mine.toml:2: smtp.max_size: "35 megs" must be a size such as "35MiB", "20MB" or a number of bytes',
  },
  'TOML that is none': {
    run: 'check-config',
    config: `${base}smtp.listen = ["127.0.0.1:25"\n`,
    says: 'replyd: /shop/mine.toml:3: TOML: expected comma or end of structure: is a [ or { before it not closed?',
  },
  'a word without quotes': {
    run: 'check-config',
    config: `${base}outbound.transport = smtp\n`,
    says: 'replyd: /shop/mine.toml:2: TOML: invalid value: a text stands in quotes, "so"',
  },
  'a key given twice': {
    run: 'check-config',
    config: `${base}${base}`,
    says: 'replyd: /shop/mine.toml:2: data_dir: is given twice, on lines 1 and 2: delete one of them',
  },
  'a variable misspelt': {
    run: 'check-config',
    env: { REPLYD_SMTP_LISTN: '127.0.0.1:25' },
    says: 'replyd: environment: REPLYD_SMTP_LISTN: unknown variable, did you mean REPLYD_SMTP_LISTEN?',
  },
  'a configuration that is not there': {
    run: 'check-config -c nowhere.toml',
    bare: true,
    says: 'replyd: /shop/nowhere.toml: there is no such file; `replyd init` writes one',
  },
  'a folder as configuration': {
    run: 'check-config -c .',
    bare: true,
    says: 'replyd: /shop: cannot be read: is a directory',
  },
  'two configurations': {
    run: 'check-config -c two.toml',
    code: 2,
    says: 'replyd: two configurations: mine.toml and two.toml; name one',
  },
  'two configurations in one place': {
    run: 'check-config -c one.toml -c two.toml',
    bare: true,
    code: 2,
    says: "replyd: option '-c, --config <file>' argument 'two.toml' is invalid. one.toml was named before.\nsee `replyd check-config --help`",
  },
  'a configuration for others only': {
    run: 'check-config',
    stranger: true,
    says: 'replyd: /shop/mine.toml: cannot be read: no permission; be root or the user that runs replyd',
  },
  'a key that the daemon may not read': {
    run: 'check-config',
    config: `data_dir = "./theirs"\ntls.certificate = "${path.join(TLS, 'first.cert.pem')}"\ntls.key = "./closed.pem"\n`,
    says: 'replyd: configuration: /shop/mine.toml: THEIRS, as whom the THEIRS runs, may not read it: `chgrp THEIRS /shop/mine.toml` and `chmod g+r`, and let him into its folder\ntls.key: /shop/closed.pem: THEIRS, as whom the THEIRS runs, may not read it: `chgrp THEIRS /shop/closed.pem` and `chmod g+r`, and let him into its folder',
  },
  'an address without a port': {
    run: 'check-config',
    config: `${base}smtp.listen = ["127.0.0.1"]\n`,
    says: 'replyd: /shop/mine.toml:2: smtp.listen: "127.0.0.1" must be host:port, such as "127.0.0.1:2525" or "[::1]:2525"',
  },
  'a transport that there is not': {
    run: 'check-config',
    config: `${base}outbound.transport = "sendmail"\n`,
    says: 'replyd: /shop/mine.toml:2: outbound.transport: "sendmail" must be one of "file", "smtp"',
  },
  'a smarthost without a host': {
    run: 'check-config',
    config: `${base}outbound.transport = "smtp"\n`,
    says: 'replyd: /shop/mine.toml:2: outbound.host: is missing: outbound.transport "smtp" needs it',
  },
  'a short secret': {
    run: 'check-config',
    config: `${base}ingress.relay.password = "secret"\n`,
    says: 'replyd: /shop/mine.toml:2: ingress.relay.password: has 6 characters, which can be guessed: take one of at least 16, such as `openssl rand -hex 16` prints',
  },
  'a certificate that is not there': {
    run: 'check-config',
    config: tls('none.pem', 'first.key.pem'),
    says: 'replyd: tls.certificate: /tls/none.pem: no such file or directory: name a PEM file that is there',
  },
  'a certificate that ran out': {
    run: 'check-config',
    config: tls('expired.cert.pem', 'first.key.pem'),
    says: 'replyd: certificate: ran out on 2025-04-01 00:00:00Z: renew it, then `systemctl reload replyd` or SIGHUP',
  },
  'the key of another certificate': {
    run: 'check-config',
    config: tls('first.cert.pem', 'second.key.pem'),
    says: 'replyd: certificate: /tls/second.key.pem is not the key of /tls/first.cert.pem: set tls.key to the key it was made with',
  },
  'the URL of another database': {
    run: 'check-config',
    config: `${base}store.url = "mysql://db/replyd"\n`,
    says: 'replyd: /shop/mine.toml:2: store.url: must begin with postgres:// or postgresql://, such as postgres://user:password@host/database',
  },
  'no configuration': {
    run: 'serve',
    bare: true,
    says: 'replyd: there is no configuration: /etc/replyd/config.toml is missing. `replyd init` writes it, `-c FILE` names another (or set REPLYD_DATA_DIR)',
  },
  'a port that is taken': {
    run: 'serve',
    config: ({ taken }) => `data_dir = "./other"\nsmtp.listen = ["127.0.0.1:${taken}"]\nhttp.listen = ""\n`,
    says: 'replyd: 127.0.0.1:TAKEN: port taken: another program listens there; stop it (ss -lptn shows it) or choose another address',
  },
  'a port for root': {
    run: 'serve',
    config: 'data_dir = "./theirs"\nsmtp.listen = ["127.0.0.1:25"]\n',
    says: 'replyd: /shop/theirs belongs to THEIRS, but port 25 needs root: start as THEIRS with CAP_NET_BIND_SERVICE, such as `setpriv --reuid THEIRS --regid 1 --init-groups --inh-caps +net_bind_service --ambient-caps +net_bind_service replyd serve`',
  },
  'the store of another user': {
    run: 'account list',
    config: 'data_dir = "./data"\n',
    stranger: true,
    says: 'replyd: no permission for /shop/data, which belongs to root: run it as root',
  },
  'a file in the place of data_dir': {
    run: 'serve',
    config: 'data_dir = "./file"\n',
    says: 'replyd: /shop/file is no folder: name another one (data_dir)',
  },
  'a folder without a store': {
    run: 'account list',
    config: 'data_dir = "./empty"\n',
    says: 'replyd: there is no store in /shop/empty: run `replyd init`, or start `replyd serve`',
  },
  'the store of a newer version': {
    run: 'account list',
    config: 'data_dir = "./newer"\n',
    says: 'replyd: the store has schema 9999, this program knows only OURS: it was written by a newer replyd. Install that version again, or restore a backup made before the upgrade (`replyd restore`)',
  },
  'the folder of the LMTP socket is missing': {
    run: 'serve',
    config: `${doors.replace('./data', './fresh')}lmtp.listen = "unix:/nowhere/lmtp.sock"\n`,
    says: 'replyd: unix:/nowhere/lmtp.sock: its folder does not exist; make it first',
  },
  'PostgreSQL where nobody listens': {
    run: 'account list',
    config: `${base}store.url = "postgres://replyd@127.0.0.1:1/replyd"\n`,
    says: 'replyd: cannot use PostgreSQL at 127.0.0.1:1/replyd: connection refused: see that the server runs, and that store.url (or PGPASSWORD) is right',
  },
  'a verb misspelt': {
    run: 'conversaton list',
    code: 2,
    says: "replyd: unknown command 'conversaton' (Did you mean conversation?)\nsee `replyd --help`",
  },
  'an option misspelt': {
    run: 'conversation list --statu open',
    code: 2,
    says: "replyd: unknown option '--statu' (Did you mean --status?)\nsee `replyd conversation list --help`",
  },
  'a support address without a domain': {
    run: 'account add shop --domain in.shop.example --support-email help',
    code: 2,
    says: 'replyd: "help" is no e-mail address, such as help@example.com',
  },
  'an inbound domain of somebody else': {
    run: 'account add shop --domain in.acme.example --support-email help@shop.example',
    code: 0,
    says: "replyd: the inbound domain in.acme.example is not under shop.example, the domain of the support address: replies will go to a domain that customers don't know and DMARC doesn't align. Better: reply.shop.example, or another subdomain",
  },
  'a slug with capitals': {
    run: 'account add My_Shop --domain in.shop.example --support-email help@shop.example',
    code: 2,
    says: 'replyd: "My_Shop" is no slug: use 1 to 63 lower-case letters, digits and hyphens',
  },
  'an account that there is not': {
    run: 'account show acne',
    says: 'replyd: there is no account "acne", did you mean acme?',
  },
  'a feature that there is not': {
    run: 'account enable acme new_conversation',
    code: 2,
    says: 'replyd: there is no feature "new_conversation", did you mean new_conversations?',
  },
  'a setting that there is not': {
    run: 'account set acme dealy=5m',
    code: 2,
    says: 'replyd: there is no key "dealy", did you mean delay?',
  },
  'a time without its unit': {
    run: 'account set acme delay=5',
    code: 2,
    says: 'replyd: delay: "5" must be a duration with its unit, such as "5s"',
  },
  'a state that there is not': {
    run: 'queue list --state fail',
    code: 2,
    says: 'replyd: there is no state "fail": use waiting, leased, sent, deferred, failed or cancelled',
  },
  'a number alone as REF': {
    run: 'conversation show 1',
    code: 2,
    says: 'replyd: "1" names no conversation: a number needs its account, such as acme#1',
  },
  'a REF without its sign': {
    run: 'conversation show acme-1',
    code: 2,
    says: 'replyd: "acme-1" names no conversation: use its id, acme#12 or acme:12',
  },
  'a conversation that there is not': {
    run: 'conversation show acme#99',
    says: 'replyd: account acme has no conversation #99: `replyd conversation list --account acme` shows them',
  },
  'a REF of an account that there is not': {
    run: 'conversation show acm#1',
    says: 'replyd: there is no account "acm", did you mean acme?',
  },
  'the id of another kind': {
    run: 'conversation show msg_04x0g2k9c7d',
    says: 'replyd: msg_04x0g2k9c7d is the id of a message, not of a conversation',
  },
  'an id that is none': {
    run: 'message show 12',
    says: 'replyd: there is no message "12": the id of a message begins with msg_',
  },
  'a token with a typo': {
    run: 'conversation start --account acme --contact bo@example.org --token 12345xyz',
    code: 2,
    says: 'replyd: "12345xyz"… is no token: use 16 to 64 letters, digits, dots, hyphens or underscores',
  },
  'a contact without a domain': {
    run: 'conversation start --account acme --contact bo',
    code: 2,
    says: 'replyd: "bo" is no e-mail address, such as help@example.com',
  },
  'a delay without its unit': {
    run: 'conversation reply acme#1 --text x --delay 10',
    code: 2,
    says: 'replyd: --delay: "10" must be a duration with its unit, such as "10s"',
  },
  'an answer without words': {
    run: 'conversation reply acme#1 --text -',
    input: '',
    code: 2,
    says: 'replyd: the answer is empty: give --text its words, or - and them on standard input',
  },
  'an attachment that is not there': {
    run: 'conversation reply acme#1 --text x --attach none.pdf',
    code: 2,
    says: "replyd: can't attach none.pdf: no such file or directory",
  },
  'a folder as attachment': {
    run: 'conversation reply acme#1 --text x --attach .',
    code: 2,
    says: "replyd: can't attach .: it is no file",
  },
  'an attachment that is too large': {
    run: 'conversation reply acme#1 --text x --attach large.bin',
    config: `${base}outbound.max_size = "100KiB"\n`,
    says: 'replyd: the attachments have 195 KiB, more than outbound.max_size (100 KiB): send a link instead',
  },
  'a removal where nobody can say yes': {
    run: 'conversation remove acme#1',
    input: 'n\n',
    code: 2,
    says: 'replyd: nobody can be asked here whether to remove conversation acme#1 with 2 messages: give --yes',
  },
  'a hook to a private address': {
    run: 'hook add acme http://127.0.0.1:1/hook',
    code: 0,
    says: 'replyd: nothing will be posted there yet: 127.0.0.1 is a private address, and hooks.allow_private is off\nreplyd: keep the secret now: it cannot be shown again',
  },
  'a hook that is no address': {
    run: 'hook add acme example.org/hook',
    code: 2,
    says: 'replyd: "example.org/hook" is no address for a webhook: give http:// or https://, without a password in it',
  },
  'a key of the API that there is not': {
    run: 'key revoke key_04x0g2k9c7d',
    says: 'replyd: there is no key key_04x0g2k9c7d: `replyd key list` shows them',
  },
  'a backup onto a file': {
    run: 'backup there.tar',
    says: 'replyd: /shop/there.tar exists already: name another file, or say --replace',
  },
  'a backup into a folder that is not there': {
    run: 'backup nowhere/backup.tar',
    says: 'replyd: cannot make the backup /shop/nowhere/backup.tar: no such file or directory',
  },
  'a restore of something else': {
    run: 'restore large.bin --replace',
    says: 'replyd: large.bin: it is no backup, or damaged: name a file that `replyd backup` wrote',
  },
  'a restore over a store': {
    run: 'restore backup.tar',
    says: 'replyd: there is a store in /shop/data already: restore into an empty data_dir, or say --replace to put it aside',
  },
  'a store moved onto itself': {
    run: 'migrate-store ./data ./data',
    code: 2,
    says: 'replyd: FROM and TO are the same store',
  },
  'an attachment onto a full disk': {
    run: ({ attachment }) => `attachment get ${attachment} -o /dev/full --replace`,
    says: 'replyd: /dev/full: no space left on the disk',
  },
  'an attachment onto a file': {
    run: ({ attachment }) => `attachment get ${attachment} -o there.tar`,
    says: 'replyd: there.tar is there already: name another file, or give --replace',
  },
  'a smarthost where nobody listens': {
    run: 'doctor',
    config: smarthost(1),
    finding: '✘ smarthost',
    says: '✘ smarthost 127.0.0.1:1, at connection: connect ECONNREFUSED 127.0.0.1:1 → check outbound.host, outbound.port and the firewall',
  },
  'a smarthost that refuses the password': {
    run: 'doctor',
    config: place => smarthost(place.smarthost, 'outbound.username = "acme"\noutbound.password = "wrong"\n'),
    finding: '✘ smarthost',
    says: '✘ smarthost 127.0.0.1:SMARTHOST, at login: it says 535 5.7.8 no such user or password → check outbound.username and outbound.password',
  },
  'a mail file that is not there': {
    run: 'mail explain none.eml',
    says: 'replyd: cannot read none.eml: no such file or directory',
  },
  'a limit of nothing': {
    run: 'mail list --limit 0',
    code: 2,
    says: "replyd: option '--limit <n>' argument '0' is invalid. It must be a whole number from 1.\nsee `replyd mail list --help`",
  },
  'a retry of nothing in particular': {
    run: 'queue retry',
    code: 2,
    says: 'replyd: give a delivery or --state, one of both',
  },
  'a search for nothing': {
    run: 'search',
    code: 2,
    says: "replyd: missing required argument 'words'\nsee `replyd search --help`",
  },
  'import of what is no export': {
    run: 'import chatwoot replyd.toml',
    code: 2,
    says: 'replyd: the first line must name the columns; there is none called uuid',
  },
  'an agent that there is not': {
    run: 'conversation assign acme#1 anne@acme.example',
    says: 'replyd: there is no agent "anne@acme.example": `replyd agent list` shows them',
  },
};

test('forty typical mistakes: one or two lines say what, where, and what to do', { timeout: 120_000 }, async t => {
  const shop = await makeShop(t);
  const place = await prepare(t, shop);
  const rows = Object.entries(MISTAKES).filter(([, mistake]) => canBeMade(mistake));
  const said: Record<string, unknown> = {};
  const due = [...rows.entries()];
  const work = async () => {
    for (let next = due.shift(); next !== undefined; next = due.shift()) {
      const [number, [name, mistake]] = next;
      said[name] = await make(shop, mistake, { place, number });
    }
  };
  // Two at a time: each is a process that mostly starts.
  await Promise.all([work(), work()]);
  for (const [name, { code = 1, says }] of rows) {
    assert.deepEqual(said[name], { code, says }, name);
    assert.ok(says.split('\n').length <= 2, `${name}: more than two lines`);
  }
});

function canBeMade({ stranger, bare, run: words, config }: Mistake): boolean {
  // Only root can be somebody else, and give somebody else a folder.
  if (stranger === true || String(config).includes('./theirs')) return isRoot;
  return !(bare === true && words === 'serve' && existsSync(SYSTEM_CONFIG));
}

async function prepare(t: TestContext, shop: Program): Promise<Place> {
  const at = (name: string) => path.join(shop.folder, name);
  chmodSync(shop.folder, 0o755);
  writeFileSync(at('large.bin'), Buffer.alloc(200_000, 'x'));
  writeFileSync(at('small.txt'), 'small');
  writeFileSync(at('there.tar'), 'mine');
  writeFileSync(at('file'), '');
  writeFileSync(at('closed.pem'), readFileSync(path.join(TLS, 'first.key.pem')), { mode: 0o600 });
  mkdirSync(at('empty'));
  mkdirSync(at('theirs'), { mode: 0o700 });
  if (isRoot) chownSync(at('theirs'), 1, 1);
  cpSync(shop.dataDir, at('newer'), { recursive: true });
  const newer = new Database(path.join(at('newer'), 'replyd.db'));
  newer.pragma('user_version = 9999');
  newer.close();
  await shop.text(['backup', 'backup.tar']);
  const reply = ['conversation', 'reply', 'acme#1', '--text=See there', '--attach=small.txt'];
  const [answer] = await shop.json<Message>(reply);
  const taken = createServer();
  const smarthost = new SMTPServer({
    hideSTARTTLS: true,
    allowInsecureAuth: true,
    onAuth: (_auth, _session, done) => done(new Error('5.7.8 no such user or password')),
  });
  smarthost.on('error', () => {});
  const ports = await Promise.all(
    [taken, smarthost].map(
      server =>
        new Promise<number>(resolve => {
          const { server: inner } = server as { server?: typeof taken };
          const listening = inner ?? (server as typeof taken);
          server.listen(0, '127.0.0.1', () => resolve((listening.address() as { port: number }).port));
        }),
    ),
  );
  t.after(() => {
    taken.close();
    smarthost.close(() => {});
  });
  return { taken: ports[0]!, smarthost: ports[1]!, attachment: answer!.attachments[0]!.id };
}

async function make(
  { folder }: Program,
  mistake: Mistake,
  { place, number }: { readonly place: Place; readonly number: number },
): Promise<{ code: number | null; says: string }> {
  const words = typeof mistake.run === 'string' ? mistake.run : mistake.run(place);
  const config = typeof mistake.config === 'function' ? mistake.config(place) : (mistake.config ?? base);
  const file = `mine-${number}.toml`;
  writeFileSync(path.join(folder, file), config, { mode: 0o640 });
  const own = mistake.stranger && mistake.config !== undefined;
  if (own) chmodSync(path.join(folder, file), 0o644);
  const as = mistake.stranger ? ['setpriv', `--reuid=${STRANGER}`, `--regid=${STRANGER}`, '--clear-groups'] : [];
  const [program, ...args] = [...as, PROGRAM, ...(mistake.bare ? [] : ['-c', file]), ...words.split(' ')];
  const { code, stdout, stderr } = await run(program!, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, TZ: 'UTC', ...mistake.env },
    input: mistake.input ?? '',
  });
  const said = mistake.finding === undefined ? stderr : findingOf(stdout, mistake.finding);
  const says = said
    .trimEnd()
    .replaceAll(folder, '/shop')
    .replaceAll(file, 'mine.toml')
    .replace(/knows only \d+:/, 'knows only OURS:')
    .replaceAll(userName(1), 'THEIRS')
    .replaceAll(TLS, '/tls')
    .replaceAll(`:${place.taken}`, ':TAKEN')
    .replaceAll(`:${place.smarthost}`, ':SMARTHOST');
  return { code, says };
}

/** What doctor says of one thing, on one line. */
function findingOf(stdout: string, begin: string): string {
  const lines = stdout.split('\n');
  const at = lines.findIndex(line => line.startsWith(begin));
  const end = lines.findIndex((line, number) => number > at && !line.startsWith(' '));
  return lines.slice(at, end).join(' ').replaceAll(/ +/g, ' ');
}

test('mistakes beside a running daemon', () =>
  withDaemon({}, async daemon => {
    await addAccount(daemon);
    const backup = path.join(daemon.folder, 'backup.tar');
    assert.equal((await daemon.cli(['backup', backup])).code, 0);
    const runs = `another replyd (process ${daemon.pid}) serves the store in ${daemon.dataFolder}`;
    for (const [words, says] of [
      [['serve'], runs],
      [['restore', backup, '--replace'], runs],
      [['migrate'], runs],
      [['migrate-store', daemon.dataFolder, path.join(daemon.folder, 'to')], runs],
    ] as const) {
      const { code, stderr } = await daemon.cli(words);
      assert.deepEqual([code, stderr], [1, `replyd: ${says}\n`], words.join(' '));
    }
  }));

test('mistakes with PostgreSQL', { skip: postgresMissing() ?? false }, async t => {
  const cluster = await startCluster();
  t.after(() => cluster.close());
  const [hba] = await cluster.sql('postgres', 'show hba_file');
  const file = String(hba!.hba_file);
  writeFileSync(file, `host all locked all scram-sha-256\n${readFileSync(file, 'utf8')}`);
  await cluster.sql('postgres', "create role locked login password 'right'; select pg_reload_conf()");
  const shop = await makeShop(t);
  const at = `127.0.0.1:${cluster.port}`;
  const advice = 'see that the server runs, and that store.url (or PGPASSWORD) is right';
  for (const [url, reason] of [
    [cluster.url('nowhere'), `${at}/nowhere: database "nowhere" does not exist`],
    [`postgres://locked:wrong@${at}/postgres`, `${at}/postgres: password authentication failed for user "locked"`],
    [`postgres://nobody-here@${at}/postgres`, `${at}/postgres: role "nobody-here" does not exist`],
  ] as const) {
    const { code, stderr } = await shop.run(['account', 'list'], { env: { REPLYD_STORE_URL: url } });
    assert.deepEqual([code, stderr], [1, `replyd: cannot use PostgreSQL at ${reason}: ${advice}\n`]);
  }
});

test('a Node that is too old', async t => {
  const shop = await makeShop(t);
  const at = (...names: readonly string[]) => path.join(shop.folder, ...names);
  cpSync('bin', at('opt/bin'), { recursive: true });
  mkdirSync(at('path'));
  for (const tool of ['sh', 'dirname', 'readlink']) symlinkSync(`/usr/bin/${tool}`, at('path', tool));
  writeFileSync(at('path/node'), '#!/bin/sh\necho v18.20.4\n', { mode: 0o755 });
  const { code, stderr } = await run(at('opt/bin/replyd'), ['serve'], { cwd: shop.folder, env: { PATH: at('path') } });
  assert.equal(code, 1);
  assert.equal(
    stderr,
    `replyd needs Node 22.19 or newer, and the first in PATH is: v18.20.4. Install one, or put it first in PATH (${at('path')}).\n`,
  );
});
