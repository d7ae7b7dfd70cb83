/**
 * A private Exim for a test: its own configuration, spool and log in a temporary folder, on 127.0.0.1 only, without
 * DNS. It runs from where `.ci/install-mtas` unpacks it, or from /usr/sbin. Needs root and the user Debian-exim.
 *
 * The configuration is the test's: routers, transports and recipient checks are what is to be proved, so they are
 * given as Exim's own text. Retries are seconds apart, the queue runs when `runQueue()` says so. `stop()` ends all
 * its processes and removes the folder; so does the end of the test process.
 */

import { existsSync, readFileSync } from 'node:fs';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { freePorts, runOk } from '../run.js';
import { inOwnFolder, type PrivateMta, startMta } from './private-mta.js';
import { userIds } from './user-ids.js';

export interface EximOptions {
  /** Relayed domains, `+relay_to_domains` in the texts below. */
  readonly relay: readonly string[];
  /** Statements of the RCPT ACL that come before its last `accept`, for relayed domains and mailboxes. */
  readonly recipientChecks: string;
  readonly routers: string;
  readonly transports: string;
  /** Local parts of `mailboxDomain` whose mail ends in a maildir here; others are refused. */
  readonly mailboxes: readonly string[];
  readonly mailboxDomain: string;
}

export interface EximQueued {
  readonly id: string;
  /** '' for the null sender, which bounces have. */
  readonly sender: string;
  readonly frozen: boolean;
}

export interface Exim extends PrivateMta {
  /** Writable by Exim's user, which is also its group. */
  readonly socketFolder: string;
  queue(): Promise<EximQueued[]>;
  /** One queue run over everything, frozen mails and retry times or not; comes back when it is over. */
  runQueue(): Promise<void>;
  mailbox(address: string): string;
  log(): Promise<string>;
  /** Log lines of failed recipients, and of mails with the null sender that Exim made itself. */
  bounces(): Promise<string[]>;
}

const PLACES = [
  path.join(process.env.MTAS_DIR ?? '/opt/replyd-test-mtas', 'exim/usr/sbin/exim4'),
  '/usr/sbin/exim4',
  '/usr/sbin/exim',
];

/** Why Exim can't be used here, or null when it can. */
export function eximMissing(): string | null {
  if (eximProgram() === undefined) return 'Exim is not there (.ci/install-mtas unpacks it)';
  if (process.getuid?.() !== 0) return 'Exim needs root to start';
  if (!readFileSync('/etc/passwd', 'utf8').includes('\nDebian-exim:')) return 'the user Debian-exim is missing';
  return null;
}

function eximProgram(): string | undefined {
  return PLACES.find(place => existsSync(place));
}

export function startExim(options: EximOptions): Promise<Exim> {
  return inOwnFolder('Exim', ['log/main.log', 'log/panic.log'], folder => open(folder, options));
}

async function open(folder: string, options: EximOptions): Promise<Exim> {
  const program = eximProgram();
  if (program === undefined) throw new Error('Exim is not there');
  const user = await userIds('Debian-exim');
  const [port = 0] = await freePorts(1);
  const configFile = path.join(folder, 'exim.conf');
  const socketFolder = path.join(folder, 'sockets');
  const logFile = path.join(folder, 'log', 'main.log');
  for (const name of ['spool', 'log', 'mail', 'sockets']) {
    await mkdir(path.join(folder, name));
    await chown(path.join(folder, name), user.uid, user.gid);
  }
  await writeFile(configFile, eximConf(folder, program, port, options));
  await runOk(program, ['-C', configFile, '-bV']);

  const mta = await startMta(program, ['-C', configFile, '-bdf'], { folder, port });
  const log = () => readFile(logFile, 'utf8');
  return {
    ...mta,
    socketFolder,
    queue: async () => parseQueue(await runOk(program, ['-C', configFile, '-bp'])),
    async runQueue() {
      await runOk(program, ['-C', configFile, '-qff']);
    },
    mailbox: of => path.join(folder, 'mail', of),
    log,
    async bounces() {
      return (await log()).split('\n').filter(line => / \*\* | <= <> (?!H=)/.test(line));
    },
  };
}

function eximConf(folder: string, program: string, port: number, options: EximOptions): string {
  return `
domainlist relay_to_domains = ${options.relay.join(' : ')}
domainlist mailbox_domains = ${options.mailboxDomain}
primary_hostname = mx.example.com
exim_path = ${program}
exim_user = Debian-exim
exim_group = Debian-exim
never_users = root
spool_directory = ${folder}/spool
log_file_path = ${folder}/log/%s.log
pid_file_path = ${folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
message_size_limit = 50M
smtp_accept_max = 200
acl_smtp_rcpt = check_recipient
acl_smtp_data = accept
smtp_enforce_sync = true
add_environment =
keep_environment =

begin acl
check_recipient:
  deny domains = !+relay_to_domains : !+mailbox_domains
       message = relay not permitted
${options.recipientChecks}
  deny domains = +mailbox_domains
       message = No such mailbox
       !verify = recipient
  accept

begin routers
${options.routers}
mailboxes:
  driver = accept
  domains = +mailbox_domains
  local_parts = ${options.mailboxes.join(' : ')}
  transport = maildir

begin transports
${options.transports}
maildir:
  driver = appendfile
  maildir_format
  directory = ${folder}/mail/\${lc:$local_part_data}@$domain_data
  create_directory
  delivery_date_add
  envelope_to_add
  return_path_add
  user = Debian-exim

begin retry
* * F,4d,1s
`;
}

// Two lines a mail and recipient: `25m  2.9K 0t5C6f-0000c8-00 <alice@wonderland.example> *** frozen ***`.
function parseQueue(text: string): EximQueued[] {
  return text.split('\n').flatMap(line => {
    const found = /^\s*\S+\s+\S+ (\S+) <([^>]*)>/.exec(line);
    return found === null ? [] : [{ id: found[1]!, sender: found[2]!, frozen: line.includes('*** frozen ***') }];
  });
}
