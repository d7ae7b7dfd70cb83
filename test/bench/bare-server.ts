/**
 * The measure of what smtp-server itself costs: it takes every mail and throws it away. Prints its port when it
 * listens, ends with its parent.
 */

import { SMTPServer } from 'smtp-server';

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  onData(stream, _session, callback) {
    stream.resume();
    stream.on('end', () => callback());
  },
});
// A client that is stopped in the middle of a mail is no fault here.
server.on('error', () => {});
server.listen(0, '127.0.0.1', () => {
  const address = server.server.address();
  if (address !== null && typeof address !== 'string') process.stdout.write(`${address.port}\n`);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
