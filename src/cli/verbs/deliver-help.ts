/**
 * The help of `replyd deliver`. `main.ts` runs the verb itself (`deliver.ts`) before the command line's library is
 * loaded. The verb reads its own words, because wrong usage must end with 75 or 111 and not with the usual 2.
 */
import type { Command } from 'commander';
import { PIPE_DOORS } from '../../ingress/pipe/pipe.js';
import { defineVerb, option, required } from '../verb.js';

export function defineDeliver(verb: Command): void {
  defineVerb(verb.argument('[recipient]', 'the envelope recipient'), {
    does: 'hand a mail on standard input to the daemon, for pipes of MTAs',
    examples: [
      'deliver --door postfix --socket /run/replyd/lmtp.sock --sender me@example.org reply+1f…@in.acme.example < mail.eml',
      'deliver --door exim --socket /run/replyd/lmtp.sock',
      'deliver --door qmail --socket /run/replyd/lmtp.sock',
    ],
    more: [
      'The recipient is the argument, or $RECIPIENT as Exim and qmail set it. It speaks LMTP to the socket given, $REPLYD_SOCKET, or the first of lmtp.listen, and prints one line that begins with the enhanced status code.',
      'Exit codes: 0 stored, 67 no such address, 69 refused, 75 try again (everything else, wrong usage too); for qmail 0, 100, 111. Prefer SMTP or LMTP to a pipe where the MTA can speak it.',
    ].join('\n\n'),
    options: [
      required('--door <mta>', `which MTA starts it: ${PIPE_DOORS.join(', ')}`),
      option('--socket <path>', "the daemon's LMTP socket: a path, unix:/path or host:port"),
      option('--sender <address>', "the envelope sender; '', <> and MAILER-DAEMON are the null sender"),
    ],
  });
}
