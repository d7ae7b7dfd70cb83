/**
 * Somebody floods the daemon with mails that are dear to read: what others send meanwhile is answered in its turn, long
 * before the flood is. What counts is the order of the answers, not their time.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addAccount, startConversation, withDaemon } from '../daemon-process.js';
import { HOSTILE_MAILS } from '../hostile/mails.js';
import { sendMail } from '../interop/smtp-talk.js';

const KIB = 1024;

const DEAR = HOSTILE_MAILS.find(({ name }) => name === 'encoded words of many charsets, long To')!;

for (const [lane, size, many] of [
  ['the worker', 200 * KIB, 24],
  ['children', 300 * KIB, 12],
] as const) {
  test(`mails for ${lane}: clients and accounts take turns, the operator's come last`, async () => {
    await withDaemon({ settings: { 'log.level': 'info', 'smtp.trusted_networks': ['127.0.1.1/32'] } }, async daemon => {
      await addAccount(daemon);
      await daemon.json([
        'account',
        'add',
        'umbra',
        '--domain',
        'umbra.example',
        '--support-email',
        'help@umbra.example',
      ]);
      const flooded = await startConversation(daemon, { contact: 'flood@customer.example' });
      const other = await startConversation(daemon, { contact: 'ann@customer.example' });
      const [umbra] = await daemon.jsonLines<{ reply_to: string }>([
        ...['conversation', 'start', '--account', 'umbra', '--contact', 'bob@customer.example'],
        ...['--channel', 'web_widget', '--text', 'Hello?'],
      ]);
      const answered: string[] = [];
      let sent = 0;
      let first: () => void = () => {};
      const begun = new Promise<void>(resolve => {
        first = resolve;
      });
      const send = async (who: string, localAddress: string, to: string) => {
        const data = Buffer.concat([Buffer.from(`X-Number: ${sent}\r\n`), DEAR.bytes(size)]);
        sent += 1;
        const mail = { from: 'ann@customer.example', to: [to], data };
        const replies = await sendMail(daemon.smtp, mail, { localAddress, timeout: 120_000 });
        assert.equal(replies.data[0]?.code, 250, replies.data[0]?.raw);
        answered.push(who);
        first();
      };
      const flood = Array.from({ length: many }, () => send('flood', '127.0.1.1', flooded.reply_to));
      await begun;
      await Promise.all([
        ...flood,
        send('operator', '127.0.2.1', 'postmaster@reply.example.com'),
        send('client', '127.0.3.1', other.reply_to),
        send('account', '127.0.1.1', umbra!.reply_to),
      ]);
      const floodsBefore = (who: string) =>
        answered.slice(0, answered.indexOf(who)).filter(each => each === 'flood').length;
      for (const who of ['client', 'account'])
        assert.ok(floodsBefore(who) < many / 2, `${who} of ${answered.join(' ')}`);
      assert.ok(answered.indexOf('operator') > many / 2, answered.join(' '));
    });
  });
}
