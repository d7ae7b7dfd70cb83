/**
 * The groups of verbs. A group's file is loaded only when the group is called, and heavy parts (store, parser, daemon)
 * only inside the verb that needs them, so `--help` and short verbs start at once.
 */
import type { Command } from 'commander';
import { VERSION } from '../base/version.js';
import { remark } from './terminal/terminal.js';
import { commander, configFileOption, examplesText } from './verb.js';

/** What it does, in a word, and what adds its verbs to the group, or makes a verb of it. */
type Group = readonly [does: string, load: () => Promise<(group: Command) => void>];

const GROUPS: Readonly<Record<string, Group>> = {
  serve: ['run the daemon in the foreground', async () => (await import('./verbs/serve.js')).defineServe],
  demo: ['show the whole job in a throw-away store', async () => (await import('./demo/demo.js')).defineDemo],
  doctor: ['find out what is wrong, and say what to do', async () => (await import('./doctor/doctor.js')).defineDoctor],
  stats: ['count what is in the store', async () => (await import('./verbs/stats.js')).defineStats],
  init: ['write a configuration and make the store', async () => (await import('./verbs/init.js')).defineInit],
  'check-config': ['check the configuration', async () => (await import('./verbs/check-config.js')).defineCheckConfig],
  migrate: ["bring the store's schema up to date", async () => (await import('./verbs/init.js')).defineMigrate],
  account: [
    'tenants: domains, support address, features',
    async () => (await import('./verbs/account.js')).defineAccount,
  ],
  conversation: [
    'start, list, show, answer, resolve',
    async () => (await import('./verbs/conversation.js')).defineConversation,
  ],
  agent: ['the people who answer', async () => (await import('./verbs/agent.js')).defineAgent],
  contact: ['the people who are written to', async () => (await import('./verbs/contact.js')).defineContact],
  message: ['one entry of a conversation', async () => (await import('./verbs/message.js')).defineMessage],
  attachment: ['files of messages', async () => (await import('./verbs/message.js')).defineAttachment],
  mail: ['mails as they came in', async () => (await import('./verbs/mail.js')).defineMail],
  import: ['take over conversations of another system', async () => (await import('./verbs/import.js')).defineImport],
  deliver: [
    'hand a mail to the daemon, for pipes of MTAs',
    async () => (await import('./verbs/deliver-help.js')).defineDeliver,
  ],
  search: ['find messages by their words', async () => (await import('./verbs/search.js')).defineSearch],
  trace: [
    "show a mail's way, from the door to its deliveries",
    async () => (await import('./verbs/trace.js')).defineTrace,
  ],
  check: ['look whether the store is whole', async () => (await import('./verbs/check.js')).defineCheck],
  backup: ['copy the whole store into one file', async () => (await import('./verbs/backup.js')).defineBackup],
  restore: ['put a backup in the place of the store', async () => (await import('./verbs/backup.js')).defineRestore],
  'migrate-store': [
    'move the store to PostgreSQL, back, or elsewhere',
    async () => (await import('./verbs/migrate-store.js')).defineMigrateStore,
  ],
  queue: ['mails on their way out', async () => (await import('./verbs/queue.js')).defineQueue],
  key: ['keys for the HTTP API', async () => (await import('./verbs/key.js')).defineKey],
  dkim: ['keys that sign mails', async () => (await import('./verbs/dkim.js')).defineDkim],
  hook: ['where events are posted', async () => (await import('./verbs/hook.js')).defineHook],
  systemd: ['print the units for systemd', async () => (await import('./verbs/systemd.js')).defineSystemd],
  tail: ['print events as they happen', async () => (await import('./verbs/tail.js')).defineTail],
};

const INTRODUCTION = `Keeps a support conversation going by e-mail.

Exit codes: 0 done, 1 failed, 2 wrong usage. Data goes to standard output, everything else to standard error.
REF is a conversation's id, acme#12 or acme:12.`;

const EXAMPLES: readonly string[] = [
  'demo',
  'account add acme --domain in.acme.example --support-email help@acme.example',
  'conversation start --account acme --contact maria@example.org --text "Where is my parcel?"',
  'conversation reply acme#1 --text "It is on its way." --agent Anna',
  'conversation show acme#1',
];

export function buildProgram(): Command {
  const program = new commander.Command('replyd')
    .description(INTRODUCTION)
    .usage('[-c FILE] COMMAND …')
    .addOption(configFileOption('the configuration (else $REPLYD_CONFIG, else /etc/replyd/config.toml)'))
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .showHelpAfterError('see `replyd --help`')
    .exitOverride()
    .configureOutput({ getOutHelpWidth: () => 80, getErrHelpWidth: () => 80, outputError: printUsageError })
    .addHelpText('after', `${examplesText(EXAMPLES)}\n\nEvery command has --help with examples of its own.`);
  for (const [name, [does]] of Object.entries(GROUPS)) {
    const group = program.command(name).summary(does).description(does).helpCommand(false);
    group.showHelpAfterError(`see \`replyd ${name} --help\``);
  }
  program.hook('preSubcommand', (_program, command) => loadGroup(command));
  return program;
}

/** Loads the verbs of all groups, for tests and the command reference. */
export async function loadGroups(program: Command): Promise<void> {
  for (const command of program.commands) await loadGroup(command);
}

async function loadGroup(command: Command): Promise<void> {
  const [, load] = GROUPS[command.name()]!;
  (await load())(command);
}

function printUsageError(text: string): void {
  remark(
    text
      .replace(/^error: /, 'replyd: ')
      .replace('\n(Did', ' (Did')
      .trimEnd(),
  );
}

/** For upgrades: this program, the schema of the store that it makes and needs, and what it runs on. */
export async function versions(): Promise<{ version: string; schema: number; node: string }> {
  const { programSchema } = await import('../store/migrations.js');
  return { version: VERSION, schema: programSchema(), node: process.versions.node };
}
