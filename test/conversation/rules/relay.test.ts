import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptFor, leadsBack, reasonNotToRelay } from '#replyd/conversation/rules/relay.js';
import type { HeaderField, MailKind } from '#replyd/mail/mail.js';

const OPERATOR = 'Operator@example.org';

function mail(
  from: string | null,
  more: { kind?: MailKind; headers?: HeaderField[]; returned?: HeaderField[]; about?: string } = {},
) {
  const report = more.about === undefined ? [] : [{ recipient: more.about, action: 'failed' as const }];
  return {
    kind: more.kind ?? 'reply',
    report: report.map(entry => ({ ...entry, status: null, diagnostic: null })),
    mail: {
      from: from === null ? null : { name: '', email: from },
      headers: more.headers ?? [],
      returnedHeaders: more.returned ?? null,
    },
  };
}

test('a copy goes of what people and machines write to us, but of nothing that would come back', () => {
  const mark = [{ name: 'x-replyd-loop', value: 'operator' }];
  const table: readonly (readonly [ReturnType<typeof mail>, boolean])[] = [
    [mail('ann@example.net'), false],
    [mail('operator@example.org'), false],
    [mail('robot@example.net', { kind: 'auto_reply' }), false],
    [mail(null, { kind: 'bounce', about: 'ann@example.net' }), false],
    // His autoresponder, and the bounce of an earlier copy.
    [mail('operator@example.org', { kind: 'auto_reply' }), true],
    [mail('mailer-daemon@mx.example', { kind: 'bounce', about: 'operator@example.org' }), true],
    [mail('ann@example.net', { headers: mark }), true],
    [mail('mailer-daemon@mx.example', { kind: 'bounce', returned: mark }), true],
  ];
  for (const [reading, expected] of table) {
    assert.equal(leadsBack(reading, OPERATOR), expected, JSON.stringify(reading));
    const reason = reasonNotToRelay({ reading, operator: OPERATOR, sentInLastHour: 0 });
    assert.equal(reason, expected ? 'not sent on: it would lead back to us' : null);
  }
});

test('at most 20 copies in an hour, also of mails that cannot be read', () => {
  const reason = (sentInLastHour: number) => reasonNotToRelay({ reading: null, operator: OPERATOR, sentInLastHour });
  assert.equal(reason(19), null);
  assert.equal(reason(20), 'not sent on: 20 copies in the last hour');
});

test('whom a kept mail was for', () => {
  assert.equal(keptFor(['reply+1@x.example', 'Abuse@x.example', 'postmaster@x.example']), 'Abuse@x.example');
  assert.equal(keptFor(['postmaster']), 'postmaster');
  assert.equal(keptFor(['abusers@x.example']), 'postmaster');
});
