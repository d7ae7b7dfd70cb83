import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reading } from '#replyd/mail/mail.js';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { readMail } from '#replyd/mail/reading.js';
import { isHardBounce } from '#replyd/mail/status.js';
import { MACHINES, type Machine } from './machines.js';

const BOUNCE = 'bounce+aa11bb22cc33dd44ee55ff6600778899@in.example.com';
const ANN = 'ann@example.org';

async function read(lines: readonly string[], mailFrom: string): Promise<Reading> {
  const mail = await parseMail(Buffer.from(lines.join('\n')), keepInMemory);
  return readMail(mail, { replyAddresses: [BOUNCE], texts: [] }, { mailFrom });
}

/** Its report: the words, and the machine-readable part where it writes one. */
function notice(machine: Machine, what: 'failed' | 'delayed', why: string): readonly string[] {
  const fill = (text: string) => text.replaceAll('$why', why).replaceAll('$to', ANN);
  const header = [
    `From: ${machine.from}`,
    `To: ${BOUNCE}`,
    `Subject: ${fill(machine.subjects[what === 'failed' ? 0 : 1])}`,
    ...(machine.headers ?? []),
  ];
  const words = fill(machine[what]);
  if (machine.dsn === undefined) return [...header, 'Content-Type: text/plain; charset=utf-8', '', words];
  const code = /[45]\.\d\.\d/.exec(why)?.[0] ?? (what === 'failed' ? '5.0.0' : '4.0.0');
  const status = what === 'failed' ? code : code.replace(/^5/, '4');
  return [
    ...header,
    'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
    '',
    '--b\nContent-Type: text/plain; charset=utf-8\n',
    words,
    '--b\nContent-Type: message/delivery-status\n',
    `Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; ${ANN}\nAction: ${what}`,
    `Status: ${status}\nDiagnostic-Code: smtp; ${why}`,
    '--b--',
  ];
}

test('there are many machines', () => {
  assert.ok(MACHINES.length >= 60, `${MACHINES.length}`);
  assert.equal(new Set(MACHINES.map(machine => machine.name)).size, MACHINES.length);
});

for (const machine of MACHINES) {
  const sender = machine.sender ?? '';
  const [unknown, full] = machine.why;

  test(`${machine.name}: a mail that failed`, async () => {
    const { kind, report } = await read(notice(machine, 'failed', unknown), sender);
    assert.deepEqual([kind, report.map(each => [each.recipient, each.action])], ['bounce', [[ANN, 'failed']]]);
    const status = report[0]!.status;
    // Only a server's own code says that the address is dead.
    assert.equal(isHardBounce(status), unknown.includes('5.1.1'), `${status}`);
  });

  test(`${machine.name}: a full mailbox`, async () => {
    const { kind, report } = await read(notice(machine, 'failed', full), sender);
    assert.deepEqual([kind, report.map(each => [each.recipient, each.action])], ['bounce', [[ANN, 'failed']]]);
    assert.equal(isHardBounce(report[0]!.status), false);
  });

  test(`${machine.name}: a mail that waits`, async () => {
    const { kind, report } = await read(notice(machine, 'delayed', full.replace('552 5.2.2', '452 4.2.2')), sender);
    assert.deepEqual([kind, report.map(each => [each.recipient, each.action])], ['bounce', [[ANN, 'delayed']]]);
  });

  test(`${machine.name}: somebody is away`, async () => {
    const [headers, subject] = machine.away;
    const body = 'I am away until 9 December. Your mail was not delivered to anybody else; ask bob@example.org.';
    const { kind, report } = await read(
      [`From: Ann Lee <${ANN}>`, `To: ${BOUNCE}`, `Subject: ${subject}`, ...headers, '', body],
      '',
    );
    assert.deepEqual([kind, report], ['auto_reply', []]);
  });
}
