/**
 * The owner of `data_dir` plants things there, for root's commands: a link or a hard link to a file of root's, a link to
 * where root could make a file, a folder, a pipe. Every verb runs as root with each of them in the place of each name that
 * the program uses. What must hold: root's files keep their bytes, owner, mode and times, none is made, nothing of them is
 * printed or stored, the verb ends in time with a clear word, and all that it made in data_dir is the owner's.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { buildProgram, loadGroups } from '#replyd/cli/program.js';
import { type RunResult, run } from '../run.js';
import { type AttackKind, eachOf, newTally, type Tally } from './attack.js';

const PROGRAM = path.resolve('bin/replyd');
/** Any user but root. */
const OWNER = 65_534;
const MARK = 'only-root-may-read-this';

/** Long enough for a slow machine; a verb that waits for a pipe would never end. */
const END_TIME = 20_000;
/** A verb that runs on is ended after so long. */
const STAY = 1_200;

export const TRICKS = ['link', 'hard link', 'link to nothing', 'folder', 'pipe'] as const;
type Trick = (typeof TRICKS)[number];

const DATABASES = ['replyd.db', 'replyd.db.restoring', 'lock.db', 'files.lock.db'];
/** Every name that the program gives something in data_dir; `BLOB` is a content in a file. */
export const NAMES: readonly string[] = [
  ...DATABASES.flatMap(name => ['', '-wal', '-shm', '-journal'].map(end => name + end)),
  'replyd.db.replaced',
  'replyd.db.replaced-wal',
  'replyd.pid',
  'replyd.pid.new',
  'listening.json',
  'listening.json.new',
  'door-faults.json',
  'door-faults.json.new',
  'parsing',
  'incoming',
  'sent',
  'blobs',
  'BLOB/..',
  'BLOB',
];
/** Named on the command line, too: in the owner's folder. */
export const GIVEN = 'data/given';

/** What each verb is given, by its words. `null`: it has no part in data_dir. */
const VERBS: Readonly<Record<string, readonly string[][] | null>> = {
  serve: [[]],
  demo: null,
  doctor: [['--resolver', '127.0.0.1:9']],
  stats: [[]],
  init: [[], ['--user', 'nobody']],
  'check-config': [[]],
  migrate: [[]],
  'migrate-store': [
    ['data', 'out/moved'],
    ['data', 'out/moved', '--user', 'nobody', '--replace'],
  ],
  'account add': [['umbra', '--domain', 'in.umbra.example', '--support-email', 'help@umbra.example']],
  'account list': [[]],
  'account show': [['acme']],
  'account set': [['acme', 'name=Acme']],
  'account enable': [['acme', 'hold_strangers']],
  'account disable': [['acme', 'hold_strangers']],
  'account remove': [['acme', '--yes']],
  'conversation start': [['--account', 'acme', '--contact', 'bo@example.net']],
  'conversation list': [[]],
  'conversation show': [['acme#1']],
  'conversation reply': [
    ['acme#1', '--text', 'x'],
    ['acme#1', '--text', 'x', '--attach', 'LARGE'],
    ['acme#1', '--text', 'x', '--attach', GIVEN],
  ],
  'conversation note': [['acme#1', '--text', 'x']],
  'conversation resolve': [['acme#1']],
  'conversation reopen': [['acme#1']],
  'conversation seen': [['acme#1']],
  'conversation rotate-token': [['acme#1']],
  'conversation assign': [['acme#1', 'none']],
  'conversation cc': [['acme#1', 'add', 'bo@example.net']],
  'conversation remove': [['acme#1', '--yes']],
  'agent add': [['anna@acme.example', '--account', 'acme', '--name', 'Anna']],
  'agent list': [['--account', 'acme']],
  'agent show': [['anna@acme.example']],
  'agent set': [['anna@acme.example', '--account', 'acme', 'name=Anna']],
  'agent link': [['anna@acme.example']],
  'agent disable': [['anna@acme.example']],
  'agent enable': [['anna@acme.example']],
  'agent remove': [['anna@acme.example', '--yes']],
  'contact list': [['--account', 'acme']],
  'contact show': [['ct_04x0g2k9c7d']],
  'contact set': [['ct_04x0g2k9c7d', 'name=Bo', '--yes']],
  'contact clear': [['ct_04x0g2k9c7d']],
  'contact export': [['ct_04x0g2k9c7d']],
  'contact remove': [['ct_04x0g2k9c7d', '--yes']],
  'message show': [['MESSAGE']],
  'message release': [['MESSAGE']],
  'message drop': [['MESSAGE']],
  'attachment get': [
    ['ATTACHMENT', '-o', 'out/file'],
    ['ATTACHMENT', '-o', GIVEN],
  ],
  'mail list': [[]],
  'mail show': [['mail_04x0g2k9c7d']],
  'mail explain': [['mail_04x0g2k9c7d'], [GIVEN]],
  'mail reprocess': [['mail_04x0g2k9c7d']],
  'mail clear': [['--state', 'kept', '--yes']],
  'import chatwoot': [[GIVEN]],
  deliver: [['--door', 'postfix', 'bo@in.acme.example']],
  search: [['words', '--account', 'acme']],
  trace: [['MESSAGE']],
  check: [[]],
  backup: [['out/backup.tar'], [GIVEN, '--replace']],
  restore: [
    ['BACKUP', '--replace'],
    ['BACKUP', '--user', 'nobody', '--replace'],
    [GIVEN, '--replace'],
  ],
  'queue list': [[]],
  'queue show': [['dlv_04x0g2k9c7d']],
  'queue retry': [['--state', 'failed']],
  'queue cancel': [['dlv_04x0g2k9c7d']],
  'queue pause': [[]],
  'queue resume': [[]],
  'key add': [['acme']],
  'key list': [[]],
  'key revoke': [['key_04x0g2k9c7d']],
  'dkim add': [['acme.example']],
  'dkim list': [[]],
  'dkim rotate': [['acme.example', '--now']],
  'dkim remove': [['acme.example', 'one', '--yes']],
  'hook add': [['acme', 'https://app.example/']],
  'hook list': [[]],
  'hook test': [['hook_04x0g2k9c7d']],
  'hook rotate': [['hook_04x0g2k9c7d']],
  'hook remove': [['hook_04x0g2k9c7d', '--yes']],
  systemd: [[], ['--output', 'data']],
  tail: [[]],
};
const STAYING = new Set(['serve', 'tail']);
/** What `timeout` ends with: the signal came before the verb listened to it, or did not help. */
const TERMINATED = 143;
const KILLED = 137;

export interface Trial {
  readonly verb: string;
  readonly words: readonly string[];
  readonly name: string;
  readonly trick: Trick;
}

/** All verbs by all names by all tricks. Throws when a verb of the program stands in no line of the table. */
export async function everyTrial(): Promise<readonly Trial[]> {
  const program = buildProgram();
  await loadGroups(program);
  const missing = verbsOf(program, []).filter(verb => VERBS[verb] === undefined);
  if (missing.length > 0) throw new Error(`not tried: ${missing.join(', ')}`);
  return Object.entries(VERBS).flatMap(([verb, calls]) =>
    (calls ?? []).flatMap(words => {
      const names = words.includes(GIVEN) ? [...NAMES, 'given'] : verb === 'systemd' ? ['replyd.service'] : NAMES;
      return names.flatMap(name => TRICKS.map(trick => ({ verb, words, name, trick })));
    }),
  );
}

/** Every command at every name, with one trick each: the tricks one after the other, so that each name meets all of them. */
async function inTurnTrials(): Promise<readonly Trial[]> {
  return (await everyTrial()).filter((_, index) => {
    const call = Math.floor(index / TRICKS.length);
    return index % TRICKS.length === (call + Math.floor(call / TRICKS.length)) % TRICKS.length;
  });
}

/** The main verbs with two tricks each, the names one after the other; links and pipes at what root names in data_dir. */
export async function someTrials(): Promise<readonly Trial[]> {
  return (await everyTrial()).filter(({ verb, words, name, trick }) => {
    if (name === 'given' || name === 'replyd.service') return trick === 'link' || trick === 'pipe';
    if (verb === 'backup' && words[0] === 'out/backup.tar' && name === 'files.lock.db') return true;
    const place = SHORT.indexOf(verb);
    const turn = (TRICKS.indexOf(trick) - place + 10 * TRICKS.length) % TRICKS.length;
    if (place < 0 || turn > 1 || words !== VERBS[verb]?.[0]) return false;
    return NAMES[(2 * place + turn) % NAMES.length] === name;
  });
}

const SHORT = [
  'serve',
  'doctor',
  'stats',
  'init',
  'migrate',
  'account add',
  'account remove',
  'conversation reply',
  'attachment get',
  'check',
  'backup',
  'restore',
  'queue list',
  'tail',
];

function verbsOf(command: Command, words: readonly string[]): string[] {
  if (command.commands.length === 0) return [words.join(' ')];
  return command.commands.flatMap(each => verbsOf(each, [...words, each.name()]));
}

/** Root's files, the program's configuration and a data_dir to copy, in a folder of root's that everybody may enter. */
interface Stage {
  readonly folder: string;
  readonly message: string;
  readonly attachment: string;
  /** Of the content in a file, under data_dir. */
  readonly blob: string;
}

async function makeStage(): Promise<Stage> {
  const folder = mkdtempSync(path.join(tmpdir(), 'replyd-data-dir-'));
  chmodSync(folder, 0o755);
  const at = (name: string) => path.join(folder, name);
  mkdirSync(at('data'), { mode: 0o700 });
  chownSync(at('data'), OWNER, OWNER);
  writeFileSync(at('replyd.toml'), CONFIG);
  writeFileSync(at('large.bin'), Buffer.alloc(200_000, 'x'));
  const replyd = async (...words: readonly string[]) => {
    const { code, stdout, stderr } = await replydIn(folder, words);
    if (code !== 0) throw new Error(`replyd ${words.join(' ')}: ${stderr}`);
    return stdout;
  };
  await replyd('account', 'add', 'acme', '--domain=in.acme.example', '--support-email=help@acme.example');
  await replyd('conversation', 'start', '--account=acme', '--contact=maria@example.org', '--text=Hello');
  const reply = ['conversation', 'reply', 'acme#1', '--text=x', '--attach', at('large.bin'), '--json'];
  const message = JSON.parse(await replyd(...reply)) as { id: string; attachments: readonly { id: string }[] };
  await replyd('backup', at('backup.tar'));
  const made = readdirSync(at('data'), { recursive: true, encoding: 'utf8' });
  const blob = made.find(name => /^blobs\/..\/[0-9a-f]{64}$/.test(name));
  if (blob === undefined) throw new Error(`no content in a file: ${made.join(', ')}`);
  return { folder, message: message.id, attachment: message.attachments[0]!.id, blob };
}

const CONFIG = `data_dir = "./data"
smtp.listen = ["127.0.0.1:0"]
http.listen = "127.0.0.1:0"
outbound.transport = "file"
`;

function replydIn(folder: string, words: readonly string[]): Promise<RunResult> {
  return run(PROGRAM, ['-c', path.join(folder, 'replyd.toml'), ...words], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, TZ: 'UTC' },
    timeout: END_TIME,
  });
}

/** Runs the trials on copies of one stage, two at a time. Root only. */
export async function runTrials(trials: readonly Trial[], tally: Tally): Promise<void> {
  const stage = await makeStage();
  try {
    await eachOf(trials, 2, async (trial, index) => {
      const folder = `${stage.folder}-${index}`;
      try {
        const fault = await runTrial(stage, trial, folder);
        tally.count(`${trial.verb} ${trial.words.join(' ')}: ${trial.trick} at ${trial.name}`, fault);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  } finally {
    rmSync(stage.folder, { recursive: true, force: true });
  }
}

/** What went wrong, or null. */
async function runTrial(stage: Stage, trial: Trial, folder: string): Promise<string | null> {
  cpSync(stage.folder, folder, { recursive: true });
  const data = path.join(folder, 'data');
  for (const name of ['.', ...readdirSync(data, { recursive: true, encoding: 'utf8' })]) {
    lchownSync(path.join(data, name), OWNER, OWNER);
  }
  mkdirSync(path.join(folder, 'out'), { mode: 0o700 });
  const roots = path.join(folder, 'roots');
  mkdirSync(roots, { mode: 0o755 });
  const victim = path.join(roots, 'victim');
  // The lock files are empty databases; anything else there is none at all.
  writeFileSync(victim, /lock\.db/.test(trial.name) ? '' : `From: ${MARK}\n\n${MARK}\n`, { mode: 0o600 });
  plant(path.join(data, trial.name.replace('BLOB', stage.blob)), trial.trick, { victim, roots });
  const before = stateOf(victim, trial.trick);
  const words = trial.words.map(
    word =>
      ({
        MESSAGE: stage.message,
        ATTACHMENT: stage.attachment,
        LARGE: path.join(folder, 'large.bin'),
        BACKUP: path.join(folder, 'backup.tar'),
      })[word] ?? word,
  );
  const ended = await runVerb(folder, trial.verb, words);
  if (ended.signal !== null || ended.code === KILLED) return `did not end: ${ended.stderr.slice(-300)}`;
  if (/internal error|\n {4}at /.test(ended.stderr)) return `no clear word: ${ended.stderr.slice(-500)}`;
  if (![0, TERMINATED].includes(ended.code!) && ended.stdout + ended.stderr === '')
    return `exit ${ended.code} without a word`;
  const after = stateOf(victim, trial.trick);
  if (after !== before) return `a file of root's changed: ${before} → ${after}`;
  const made = readdirSync(roots).filter(name => name !== 'victim');
  if (made.length > 0) return `made ${made.join(', ')} where only root may`;
  if ((ended.stdout + ended.stderr).includes(MARK)) return "printed a file of root's";
  return faultIn(data, victim);
}

async function runVerb(folder: string, verb: string, words: readonly string[]): Promise<RunResult> {
  const all = [...verb.split(' '), ...words];
  if (!STAYING.has(verb)) return replydIn(folder, all);
  const file = path.join(folder, 'replyd.toml');
  return run('timeout', ['--preserve-status', '-k', '15', `${STAY / 1000}`, PROGRAM, '-c', file, ...all], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, TZ: 'UTC' },
    timeout: END_TIME,
  });
}

function plant(place: string, trick: Trick, { victim, roots }: { victim: string; roots: string }): void {
  const file = path.normalize(place);
  rmSync(file, { recursive: true, force: true });
  if (trick === 'link') symlinkSync(victim, file);
  else if (trick === 'hard link') linkSync(victim, file);
  else if (trick === 'link to nothing') symlinkSync(path.join(roots, 'new'), file);
  else if (trick === 'pipe') execFileSync('mkfifo', ['-m', '600', file]);
  else {
    mkdirSync(file, { mode: 0o700 });
    symlinkSync(victim, path.join(file, 'within'));
    lchownSync(path.join(file, 'within'), OWNER, OWNER);
  }
  if (trick !== 'hard link') lchownSync(file, OWNER, OWNER);
}

/** Unlinking a hard link, which its folder's owner may, changes the time of the inode. */
function stateOf(file: string, trick: Trick): string {
  const { uid, gid, mode, size, mtimeMs, ctimeMs } = statSync(file);
  const hash = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 8);
  return [uid, gid, mode.toString(8), size, mtimeMs, trick === 'hard link' ? '' : ctimeMs, hash].join(' ');
}

/** Everything in data_dir is the owner's but what was planted, and nothing of root's file stands in it. */
function faultIn(data: string, victim: string): string | null {
  const { ino } = statSync(victim);
  for (const name of readdirSync(data, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(data, name);
    const found = lstatSync(file, { throwIfNoEntry: false });
    if (found === undefined || found.ino === ino) continue;
    if (found.uid !== OWNER) return `${name} belongs to ${found.uid}`;
    if (found.isFile() && readFileSync(file).includes(MARK)) return `${name} holds a file of root's`;
  }
  return null;
}

export const needsRoot = () => (process.getuid?.() === 0 ? null : 'needs root, for whom the links are planted');

export const dataDir: AttackKind = {
  name: 'data-dir',
  about: 'links, pipes and folders in data_dir, for commands that root runs',
  obstacle: needsRoot,
  async run(_target, { short, every }) {
    const tally = newTally();
    await runTrials(short ? await someTrials() : every ? await everyTrial() : await inTurnTrials(), tally);
    return tally.result();
  },
};
