/**
 * A private Postfix for a test: its own configuration, queue and log in a temporary folder, on 127.0.0.1 only,
 * without DNS. The package's own instance and /etc/postfix stay untouched. Needs root.
 *
 * Inbound domains are relayed to the next hops a test names; the mailboxes it names are maildirs. Waiting times are
 * seconds instead of minutes. `stop()` ends all its processes and removes the folder; so does the end of the test
 * process, and an instance whose test was killed ends by itself after a quarter of an hour.
 */

import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { freePorts, runOk } from '../run.js';
import { inOwnFolder, type PrivateMta, startMta } from './private-mta.js';
import { userIds } from './user-ids.js';

export interface PostfixOptions {
  /** Inbound domain → next hop in the words of transport(5), e.g. `lmtp:[127.0.0.1]:2424`. */
  readonly relay: Readonly<Record<string, string>>;
  /** Whole addresses whose mail ends in a maildir here. Other addresses of their domains are unknown. */
  readonly mailboxes?: readonly string[];
  /** More main.cf, after our own. */
  readonly main?: Readonly<Record<string, string>>;
  /** More services for master.cf, in its own words. */
  readonly master?: string;
}

/** One mail of the queue, as `postqueue -j` shows it. */
export interface QueuedMail {
  readonly id: string;
  readonly queue: string;
  /** `MAILER-DAEMON` for the null sender. */
  readonly sender: string;
  readonly recipients: readonly { readonly address: string; readonly reason: string | null }[];
}

export interface Postfix extends PrivateMta {
  /** Where its chrooted clients look for sockets: `unix:replyd/lmtp` is `<queueFolder>/replyd/lmtp`. */
  readonly queueFolder: string;
  /** `replyd` under the queue folder: group postfix, which may enter. */
  readonly socketFolder: string;
  queue(): Promise<QueuedMail[]>;
  /** Tries everything in the queue now. */
  flush(): Promise<void>;
  /** The maildir of one of `mailboxes`. */
  mailbox(address: string): string;
  log(): Promise<string>;
  /** Log lines of bounced recipients and of notices sent for them; probes of recipient verification do not count. */
  bounces(): Promise<string[]>;
}

const POSTFIX = '/usr/sbin/postfix';
const MASTER = '/usr/lib/postfix/sbin/master';

/** Why Postfix can't be used here, or null when it can. */
export function postfixMissing(): string | null {
  if (!existsSync(POSTFIX) || !existsSync(MASTER)) return 'Postfix is not installed (.ci/install-mtas does it)';
  if (process.getuid?.() !== 0) return 'Postfix needs root to start';
  return null;
}

export function startPostfix(options: PostfixOptions): Promise<Postfix> {
  return inOwnFolder('Postfix', ['mail.log'], folder => open(folder, options));
}

async function open(folder: string, options: PostfixOptions): Promise<Postfix> {
  const config = path.join(folder, 'config');
  const queueFolder = path.join(folder, 'queue');
  const socketFolder = path.join(queueFolder, 'replyd');
  const mail = path.join(folder, 'mail');
  const logFile = path.join(folder, 'mail.log');
  const [port = 0] = await freePorts(1);
  const user = await userIds('postfix');
  const nobody = await userIds('nobody');
  const mailboxes = options.mailboxes ?? [];

  for (const each of [config, queueFolder, mail]) await mkdir(each);
  await mkdir(path.join(folder, 'data'));
  await chown(path.join(folder, 'data'), user.uid, user.gid);
  await chown(mail, nobody.uid, nobody.gid);
  await mkdir(socketFolder);
  await chown(socketFolder, 0, user.gid);
  await chmod(socketFolder, 0o2750);
  await writeFile(path.join(config, 'main.cf'), mainCf(folder, options, nobody));
  await writeFile(path.join(config, 'master.cf'), masterCf(port) + (options.master ?? ''));
  await writeFile(path.join(config, 'transport'), lines(Object.entries(options.relay)));
  await writeFile(path.join(config, 'mailboxes'), lines(mailboxes.map(address => [address, `${address}/`])));

  await runOk(POSTFIX, ['-c', config, 'check']);
  const mta = await startMta(MASTER, ['-c', config, '-e', '900'], { folder, port });

  const queue = async () => parseQueue(await runOk('/usr/sbin/postqueue', ['-c', config, '-j']));
  const log = () => readFile(logFile, 'utf8');
  return {
    ...mta,
    queueFolder,
    socketFolder,
    queue,
    async flush() {
      await runOk('/usr/sbin/postqueue', ['-c', config, '-f']);
    },
    mailbox: of => path.join(mail, of),
    log,
    async bounces() {
      return (await log()).split('\n').filter(isBounce);
    },
  };
}

function mainCf(folder: string, options: PostfixOptions, owner: { uid: number; gid: number }): string {
  const mailboxDomains = new Set((options.mailboxes ?? []).map(address => address.slice(address.indexOf('@') + 1)));
  const settings: Record<string, string> = {
    compatibility_level: '3.6',
    queue_directory: `${folder}/queue`,
    data_directory: `${folder}/data`,
    maillog_file: `${folder}/mail.log`,
    maillog_file_prefixes: folder,
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    mynetworks: '127.0.0.0/8',
    myhostname: 'mx.example.com',
    mydestination: '',
    local_transport: 'error:no local mail here',
    // Nothing leaves the machine, whatever a test writes to.
    default_transport: 'error:no way out of this test',
    alias_maps: '',
    disable_dns_lookups: 'yes',
    smtp_host_lookup: 'native',
    // The recipients are refused for what they are, not for where the test connects from.
    smtpd_peername_lookup: 'no',
    transport_maps: `texthash:${folder}/config/transport`,
    relay_domains: Object.keys(options.relay).join(' '),
    virtual_mailbox_domains: [...mailboxDomains].join(' '),
    virtual_mailbox_base: `${folder}/mail`,
    virtual_mailbox_maps: `texthash:${folder}/config/mailboxes`,
    virtual_uid_maps: `static:${owner.uid}`,
    virtual_gid_maps: `static:${owner.gid}`,
    message_size_limit: '52428800',
    virtual_mailbox_limit: '0',
    // Minutes and hours on a real machine.
    queue_run_delay: '1s',
    minimal_backoff_time: '1s',
    maximal_backoff_time: '2s',
    smtp_connect_timeout: '5s',
    lmtp_connect_timeout: '5s',
    smtp_destination_concurrency_failed_cohort_limit: '0',
    lmtp_destination_concurrency_failed_cohort_limit: '0',
    address_verify_poll_count: '10',
    address_verify_poll_delay: '1s',
    ...options.main,
  };
  return lines(Object.entries(settings).map(([name, value]) => [name, `= ${value}`]));
}

// Debian's services and its chroot column for the clients (smtp, relay, lmtp): a socket that is found in the test is
// found on such a machine. The others would need a copy of /etc in the queue folder.
function masterCf(port: number): string {
  return `127.0.0.1:${port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - y - - smtp
relay unix - - y - - smtp
lmtp unix - - y - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`;
}

function parseQueue(text: string): QueuedMail[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const entry = JSON.parse(line) as {
        queue_id: string;
        queue_name: string;
        sender: string;
        recipients: { address: string; delay_reason?: string }[];
      };
      return {
        id: entry.queue_id,
        queue: entry.queue_name,
        sender: entry.sender,
        recipients: entry.recipients.map(({ address, delay_reason }) => ({ address, reason: delay_reason ?? null })),
      };
    });
}

// A probe that the next hop refuses is logged with status=undeliverable.
function isBounce(line: string): boolean {
  return line.includes('status=bounced') || line.includes('sender non-delivery notification');
}

function lines(entries: readonly (readonly [string, string])[]): string {
  return entries.map(([name, value]) => `${name} ${value}\n`).join('');
}
