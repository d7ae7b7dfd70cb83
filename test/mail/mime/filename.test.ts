import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachmentName } from '#replyd/mail/mime/filename.js';

test('names that are safe to show and to save', () => {
  const table: [given: string, type: string, name: string][] = [
    ['report.pdf', 'application/pdf', 'report.pdf'],
    ['Grüße 你好.pdf', 'application/pdf', 'Grüße 你好.pdf'],
    ['../../etc/passwd', 'text/plain', 'passwd'],
    ['C:\\Users\\ann\\report.pdf', 'application/pdf', 'report.pdf'],
    ['C:report.pdf', 'application/pdf', 'report.pdf'],
    ['/', 'application/pdf', 'attachment-3.pdf'],
    ['..', 'application/pdf', 'attachment-3.pdf'],
    ['  ', 'image/jpeg', 'image-3.jpg'],
    ['a\r\nb\0c.pdf', 'application/pdf', 'a b c.pdf'],
    ['evil\u202egpj.exe', 'application/pdf', 'evilgpj.exe'],
    ['lone\ud800.pdf', 'application/pdf', 'lone\ufffd.pdf'],
    ['', 'application/x-what', 'attachment-3.bin'],
    ['', 'message/rfc822', 'message-3.eml'],
    ['Re: order', 'message/rfc822', 'Re: order.eml'],
    ['order.EML', 'message/rfc822', 'order.EML'],
    ['', 'application/ms-tnef', 'winmail.dat'],
    ['winmail.dat', 'application/ms-tnef', 'winmail.dat'],
    ['.htaccess', 'text/plain', '.htaccess'],
    [`${'x'.repeat(300)}.tar.gz`, 'application/gzip', `${'x'.repeat(197)}.gz`],
    ['', 'constructor', 'attachment-3.bin'],
  ];
  for (const [given, type, name] of table) assert.equal(attachmentName(given, type, 3), name, given);
});
