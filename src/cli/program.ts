/**
 * The groups of verbs. A group's file is loaded only when the group is called, and heavy parts (store, parser, daemon)
 * only inside the verb that needs them, so `--help` and short verbs start at once.
 */
import type { Command } from 'commander';
import { VERSION } from '../base/version.js';
import { remark } from './terminal/terminal.js';
import { commander, examplesText } from './verb.js';

interface Group {
  readonly name: string;
  readonly does: string;
  /** Adds the group's verbs, or makes a verb of it. */
  readonly load: () => Promise<(group: Command) => void>;
}

const GROUPS: readonly Group[] = [
  {
    name: 'serve',
    does: 'run the daemon in the foreground',
    load: async () => (await import('./verbs/serve.js')).defineServe,
  },
  {
    name: 'demo',
    does: 'show the whole job in a throw-away store',
    load: async () => (await import('./demo/demo.js')).defineDemo,
  },
  {
    name: 'doctor',
    does: 'find out what is wrong, and say what to do',
    load: async () => (await import('./doctor/doctor.js')).defineDoctor,
  },
  {
    name: 'stats',
    does: 'count what is in the store',
    load: async () => (await import('./verbs/stats.js')).defineStats,
  },
  {
    name: 'init',
    does: 'write a configuration and make the store',
    load: async () => (await import('./verbs/init.js')).defineInit,
  },
  {
    name: 'check-config',
    does: 'check the configuration',
    load: async () => (await import('./verbs/init.js')).defineCheckConfig,
  },
  {
    name: 'migrate',
    does: "bring the store's schema up to date",
    load: async () => (await import('./verbs/init.js')).defineMigrate,
  },
  {
    name: 'account',
    does: 'tenants: domains, support address, features',
    load: async () => (await import('./verbs/account.js')).defineAccount,
  },
  {
    name: 'conversation',
    does: 'start, list, show, answer, resolve',
    load: async () => (await import('./verbs/conversation.js')).defineConversation,
  },
  {
    name: 'contact',
    does: 'the people who are written to',
    load: async () => (await import('./verbs/contact.js')).defineContact,
  },
  {
    name: 'message',
    does: 'one entry of a conversation',
    load: async () => (await import('./verbs/message.js')).defineMessage,
  },
  {
    name: 'attachment',
    does: 'files of messages',
    load: async () => (await import('./verbs/message.js')).defineAttachment,
  },
  { name: 'mail', does: 'mails as they came in', load: async () => (await import('./verbs/mail.js')).defineMail },
  {
    name: 'import',
    does: 'take over conversations of another system',
    load: async () => (await import('./verbs/import.js')).defineImport,
  },
  {
    name: 'deliver',
    does: 'hand a mail to the daemon, for pipes of MTAs',
    load: async () => (await import('./verbs/deliver-help.js')).defineDeliver,
  },
  {
    name: 'trace',
    does: "show a mail's way, from the door to its deliveries",
    load: async () => (await import('./verbs/trace.js')).defineTrace,
  },
  {
    name: 'check',
    does: 'look whether the store is whole',
    load: async () => (await import('./verbs/check.js')).defineCheck,
  },
  {
    name: 'backup',
    does: 'copy the whole store into one file',
    load: async () => (await import('./verbs/backup.js')).defineBackup,
  },
  {
    name: 'restore',
    does: 'put a backup in the place of the store',
    load: async () => (await import('./verbs/backup.js')).defineRestore,
  },
  { name: 'queue', does: 'mails on their way out', load: async () => (await import('./verbs/queue.js')).defineQueue },
  { name: 'key', does: 'keys for the HTTP API', load: async () => (await import('./verbs/key.js')).defineKey },
  { name: 'hook', does: 'where events are posted', load: async () => (await import('./verbs/hook.js')).defineHook },
  {
    name: 'systemd',
    does: 'print the units for systemd',
    load: async () => (await import('./verbs/systemd.js')).defineSystemd,
  },
  { name: 'tail', does: 'print events as they happen', load: async () => (await import('./verbs/tail.js')).defineTail },
];

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
    .option('-c, --config <file>', 'the configuration (else $REPLYD_CONFIG, else /etc/replyd/config.toml)')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .showHelpAfterError('see `replyd --help`')
    .exitOverride()
    .configureOutput({ getOutHelpWidth: () => 80, getErrHelpWidth: () => 80, outputError: printUsageError })
    .addHelpText('after', `${examplesText(EXAMPLES)}\n\nEvery command has --help with examples of its own.`);
  for (const { name, does } of GROUPS) {
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
  const group = GROUPS.find(each => each.name === command.name());
  if (group !== undefined) (await group.load())(command);
}

function printUsageError(text: string): void {
  remark(text.replace(/^error: /, 'replyd: ').trimEnd());
}

/** For upgrades: this program, the schema of the store that it makes and needs, and what it runs on. */
export async function versions(): Promise<{ version: string; schema: number; node: string }> {
  const { programSchema } = await import('../store/sqlite/migrate.js');
  return { version: VERSION, schema: programSchema(), node: process.versions.node };
}
