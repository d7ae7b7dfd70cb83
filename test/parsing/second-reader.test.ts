/** The second reader (mailparser) against our own: on the corpus, and where our rules fail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsOf } from '#replyd/mail/fingerprint.js';
import { keepInMemory } from '#replyd/mail/message.js';
import { type Job, type JobResult, readJob } from '#replyd/parsing/job.js';
import { readJobAgain } from '#replyd/parsing/second-reader.js';
import { corpusMails } from '../mail/corpus.js';

const NOTHING_KNOWN = { texts: [], replyAddresses: [] };

function given(bytes: Uint8Array, knownTexts: Job['about']['knownTexts'] = NOTHING_KNOWN) {
  const job: Job = { id: 1, raw: { bytes }, about: { knownTexts, mailFrom: 'ann@example.com', authservIds: [] } };
  return { job, mail: { bytes, facts: factsOf(bytes), keeper: keepInMemory } };
}

function parsed(result: JobResult) {
  assert.ok(result.kind === 'read', 'reason' in result ? result.reason : '');
  return result;
}

/** What must be equal; names of attachments and of people are read by each in its own way. */
function facts({ reading, attachments }: ReturnType<typeof parsed>) {
  const { kind, text, report, reportedIds, mail } = reading;
  const { from, to, cc, subject, date, messageId, inReplyTo, references } = mail;
  return {
    ...{ kind, report, reportedIds, subject, date, messageId, inReplyTo, references },
    ...{ text: text.text, quoted: text.quotedText, signature: text.signature },
    addresses: [from, ...to, ...cc].map(each => each?.email),
    files: attachments.map(each => [each.sha256, each.inline]),
  };
}

/**
 * mailparser is right in none of these: wrong or missing charsets and names of them, lines of others in UTF-8 and base64,
 * boundaries that lie, containers, bodies that are called attachments, reports in words.
 */
const READ_OTHERWISE = new Set(
  (
    '206-from-raw-latin1 217-subject-question-marks 218-subject-wrong-charset-word 238-charset-utf8-labelled-latin1 ' +
    '239-charset-missing-latin1 241-charset-utf-7 247-charset-html-meta 263-mime-base64-that-is-none ' +
    '266-mime-bare-cr-lf-mix 268-mime-html-footer 293-charset-raw-gbk-header 294-mime-digest 295-mime-uuencoded ' +
    '322-bounce-mixed-daemon 331-bounce-html-only 333-complaint-hotmail ' +
    '500-charset-cp50221 501-charset-hz-gb-2312 504-charset-iso-2022-kr-undeclared 506-charset-java-ms949 ' +
    '507-charset-windows-31j-katakana 508-charset-latin1-footer-glued 509-charset-latin1-line-in-chinese ' +
    '510-charset-latin1-called-utf8 511-charset-mixed-in-html 518-winmail-long-names 519-winmail-html-body ' +
    '520-from-encoded-whole 521-from-encoded-whole-q 524-to-single-quotes 526-winmail-rtf-of-html ' +
    '527-winmail-rtf-plain 528-winmail-in-winmail 529-winmail-nested-deep 530-base64-footer-glued ' +
    '531-base64-warning-above 532-base64-html-footer 533-base64-koi8-footer 536-winmail-appointment ' +
    '537-winmail-not-read-receipt 539-winmail-cut 540-body-attachment-nameless 541-body-attachment-single ' +
    '542-body-alternatives-attached 544-attachment-text-before-body 546-alternative-watch-and-amp ' +
    '547-alternative-markdown-alone 550-text-types-broken 552-smime-opaque 553-smime-opaque-streamed ' +
    '555-smime-signed-twice 556-html-data-pictures 559-cid-and-location-spellings'
  ).split(' '),
);
/** It finds nothing at all in these. */
const NO_WORDS = new Set(
  (
    '260-mime-no-boundary 262-mime-no-blank-line 290-mime-other-boundary 291-mime-words-as-boundary-text ' +
    '292-mime-doubled-returns'
  ).split(' '),
);

test('both readers understand the mails of the corpus alike', async () => {
  let alike = 0;
  for (const { name, bytes } of corpusMails()) {
    const { job, mail } = given(bytes);
    const second = await readJobAgain(job, mail);
    if (second.kind !== 'read') {
      assert.ok(second.kind === 'unreadable' && second.reason.endsWith('finds no words in it'), name);
      if (!NO_WORDS.has(name)) assert.equal(parsed(await readJob(job, mail)).reading.text.text, '', name);
      continue;
    }
    const { evidence } = parsed(second).reading;
    assert.equal(evidence[0], 'read by the second reader');
    if (READ_OTHERWISE.has(name)) continue;
    assert.deepEqual(facts(parsed(second)), facts(parsed(await readJob(job, mail))), name);
    alike++;
  }
  assert.ok(alike > 200, `${alike}`);
});

const QUOTING = Buffer.from(
  'From: Ann <ann@example.com>\r\nSubject: Re: S\r\n\r\nNew words.\r\n\r\nOn Mon, Bob wrote:\r\n> Old words.\r\n',
);

test('the whole mail is there before its words are told apart, and counts where they can not be', async () => {
  const early: JobResult[] = [];
  const { job, mail } = given(QUOTING);
  const result = parsed(await readJobAgain(job, { ...mail, early: each => early.push(each) }));
  assert.equal(result.reading.text.text, 'New words.');
  assert.equal(early.length, 1);
  const whole = parsed(early[0]!);
  const broken = given(QUOTING, {
    replyAddresses: [],
    get texts(): readonly string[] {
      throw new Error('a fault of our rules');
    },
  });
  const first = await readJob(broken.job, broken.mail);
  assert.equal(first.kind, 'unreadable');
  assert.deepEqual(parsed(await readJobAgain(broken.job, broken.mail)), whole);
  const { reading } = whole;
  assert.equal(reading.text.text, 'New words.\n\nOn Mon, Bob wrote:\n> Old words.');
  assert.deepEqual([reading.mail.from, reading.mail.subject], [{ name: 'Ann', email: 'ann@example.com' }, 'Re: S']);
  assert.ok(reading.evidence.includes('text: whole, nothing taken off'));
});

test('of a mail that is HTML alone the words come over without its elements', async () => {
  const early: JobResult[] = [];
  const bytes = Buffer.from('From: a@b.example\r\nContent-Type: text/html\r\n\r\n<p>Where is <b>my</b> order?</p>\r\n');
  const { job, mail } = given(bytes);
  await readJobAgain(job, { ...mail, early: each => early.push(each) });
  assert.equal(parsed(early[0]!).reading.text.text.replaceAll(/\s+/g, ' '), 'Where is my order?');
});

test('disk trouble while attachments are kept is not the mail’s fault', async () => {
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  const keeper = { keep: () => Promise.reject(full) };
  const bytes = Buffer.from(
    'From: a@b.example\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment\r\n\r\nx\r\n',
  );
  const { job, mail } = given(bytes);
  assert.deepEqual(await readJobAgain(job, { ...mail, keeper }), { kind: 'trouble', id: 1, reason: 'no space' });
});
