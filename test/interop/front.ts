/**
 * An MTA in front of replyd, as docs/mta.md sets it up: it relays reply.example.com to replyd by one of three ways
 * and asks replyd about each recipient before it accepts it. customer.example is a domain of the MTA's own, so that
 * it can be replyd's smarthost too, and so that a bounce to a forged sender would be seen in a mailbox.
 *
 * The lines of configuration here are those of docs/mta.md but for ports and paths.
 */

import type { Settings } from '../daemon-process.js';
import { freePorts } from '../run.js';
import { withLogs } from '../with-logs.js';
import { eximMissing, startExim } from './exim.js';
import { postfixMissing, startPostfix } from './postfix.js';

export type MtaName = 'postfix' | 'exim';
/** SMTP, LMTP over TCP, LMTP over a unix socket. */
export type HandOver = 'smtp' | 'lmtp' | 'lmtp-unix';

export const MTAS: readonly MtaName[] = ['postfix', 'exim'];
export const HAND_OVERS: readonly HandOver[] = ['smtp', 'lmtp', 'lmtp-unix'];

export const CUSTOMER = 'customer@customer.example';
/** A mailbox that does not exist: refused at RCPT. */
export const NOBODY = 'nobody@customer.example';
/** An address the MTA takes mail for and then can't deliver: its next hop is replyd, whose domain this is not. */
export const UNDELIVERABLE = 'gone@later.example';
/** An address of the MTA's own that nobody ever writes from: forged senders use it, and it must stay empty. */
export const FORGED = 'forged@customer.example';

export interface Front {
  readonly address: { readonly host: string; readonly port: number };
  /** What replyd's configuration needs to be found by it. */
  readonly settings: Settings;
  /** What replyd's configuration needs to send through it. */
  readonly smarthost: Settings;
  /** Senders of the mails that wait, '' for bounces. */
  waiting(): Promise<string[]>;
  /** Tries everything that waits. */
  retry(): Promise<void>;
  /** The maildir of an address of customer.example. */
  mailbox(address: string): string;
  bounces(): Promise<string[]>;
  log(): Promise<string>;
  stop(): Promise<void>;
}

/** Why the MTA can't be used on this machine, or null. */
export function missing(mta: MtaName): string | null {
  return mta === 'postfix' ? postfixMissing() : eximMissing();
}

export async function startFront(mta: MtaName, handOver: HandOver): Promise<Front> {
  const [smtpPort = 0, lmtpPort = 0] = await freePorts(2);
  const ports = { smtp: smtpPort, lmtp: lmtpPort };
  return mta === 'postfix' ? postfixFront(handOver, ports) : eximFront(handOver, ports);
}

/** Runs the body with the MTA, and puts its log into the error when the body throws. */
export async function withFront<T>(mta: MtaName, handOver: HandOver, body: (front: Front) => Promise<T>): Promise<T> {
  const front = await startFront(mta, handOver);
  try {
    return await withLogs({ [mta]: () => front.log() }, () => body(front));
  } finally {
    await front.stop();
  }
}

interface Ports {
  readonly smtp: number;
  readonly lmtp: number;
}

async function postfixFront(handOver: HandOver, ports: Ports): Promise<Front> {
  const hops: Record<HandOver, string> = {
    smtp: `smtp:[127.0.0.1]:${ports.smtp}`,
    lmtp: `lmtp:inet:127.0.0.1:${ports.lmtp}`,
    'lmtp-unix': 'lmtp:unix:replyd/lmtp.sock',
  };
  const postfix = await startPostfix({
    relay: { 'reply.example.com': hops[handOver], 'later.example': hops.smtp },
    mailboxes: [CUSTOMER, FORGED],
    main: {
      smtpd_recipient_restrictions: 'check_recipient_access inline:{reply.example.com=reject_unverified_recipient}',
      unverified_recipient_reject_code: '550',
      unverified_recipient_reject_reason: 'No such address here',
      address_verify_poll_delay: '1s',
    },
  });
  return {
    address: postfix.address,
    settings: replydSettings(ports, `${postfix.socketFolder}/lmtp.sock`, 'postfix'),
    smarthost: smarthost(postfix.address.port),
    waiting: async () => (await postfix.queue()).map(mail => (mail.sender === 'MAILER-DAEMON' ? '' : mail.sender)),
    retry: () => postfix.flush(),
    mailbox: address => postfix.mailbox(address),
    bounces: () => postfix.bounces(),
    log: () => postfix.log(),
    stop: () => postfix.stop(),
  };
}

async function eximFront(handOver: HandOver, ports: Ports): Promise<Front> {
  const socket = '$spool_directory/../sockets/lmtp.sock';
  const inbound = 'reply.example.com';
  // A callout speaks SMTP or LMTP over TCP only. Behind a unix socket, a router for verifying alone asks by TCP.
  const routers: Record<HandOver, string> = {
    smtp: eximRouter('replyd', `127.0.0.1::${ports.smtp}`, 'replyd_smtp', inbound),
    lmtp: eximRouter('replyd', `127.0.0.1::${ports.lmtp}`, 'replyd_lmtp', inbound),
    'lmtp-unix': `${eximRouter('replyd_verify', `127.0.0.1::${ports.smtp}`, 'replyd_smtp', inbound, '  verify_only\n')}
replyd:
  driver = accept
  domains = ${inbound}
  transport = replyd_socket
`,
  };
  const exim = await startExim({
    relay: ['reply.example.com', 'later.example'],
    mailboxDomain: 'customer.example',
    mailboxes: ['customer', 'forged'],
    recipientChecks: `  deny domains = reply.example.com
       message = No such address here
       !verify = recipient/callout=30s`,
    routers: routers[handOver] + eximRouter('later', `127.0.0.1::${ports.smtp}`, 'replyd_smtp', 'later.example'),
    transports: `
replyd_smtp:
  driver = smtp

replyd_lmtp:
  driver = smtp
  protocol = lmtp
  port = ${ports.lmtp}

replyd_socket:
  driver = lmtp
  socket = ${socket}
  batch_max = 100
  user = Debian-exim
`,
  });
  return {
    address: exim.address,
    settings: replydSettings(ports, `${exim.socketFolder}/lmtp.sock`, 'Debian-exim'),
    smarthost: smarthost(exim.address.port),
    waiting: async () => (await exim.queue()).map(mail => mail.sender),
    retry: () => exim.runQueue(),
    mailbox: address => exim.mailbox(address),
    bounces: () => exim.bounces(),
    log: () => exim.log(),
    stop: () => exim.stop(),
  };
}

function eximRouter(name: string, host: string, transport: string, domain: string, more = ''): string {
  return `
${name}:
  driver = manualroute
  domains = ${domain}
${more}  route_list = * ${host} byname
  self = send
  transport = ${transport}
`;
}

function replydSettings(ports: Ports, socket: string, group: string): Settings {
  return {
    'smtp.listen': [`127.0.0.1:${ports.smtp}`],
    'lmtp.listen': [`127.0.0.1:${ports.lmtp}`, `unix:${socket}`],
    'lmtp.socket_group': group,
  };
}

function smarthost(port: number): Settings {
  return {
    'outbound.transport': 'smtp',
    'outbound.host': '127.0.0.1',
    'outbound.port': port,
    'outbound.tls': 'none',
    'outbound.retry': ['1s'],
  };
}
