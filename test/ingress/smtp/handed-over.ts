/**
 * A door on the listening sockets 3 and 4, as systemd hands them over. Prints its addresses, closes when its standard
 * input ends. The unix socket's clients are trusted, those of TCP are strangers.
 */

import { silentLog } from '#replyd/base/log.js';
import { openSmtp } from '#replyd/ingress/smtp/smtp.js';
import { scriptedReception } from '../scripted-reception.js';

const door = await openSmtp({
  kind: 'smtp',
  listen: [],
  fds: [3, 4],
  hostname: 'mx.in.example',
  maxSize: 100_000,
  maxConnections: 10,
  maxConnectionsPerIp: 10,
  maxRecipients: 10,
  idleTimeout: 60_000,
  sessionTimeout: 60_000,
  dataTimeout: 60_000,
  trustedNetworks: [],
  spoolFolder: process.argv[2]!,
  reception: scriptedReception(),
  log: silentLog,
  now: Date.now,
});
console.log(JSON.stringify(door.addresses()));
process.stdin.resume();
process.stdin.on('end', () => void door.close({ graceMs: 100 }));
