/** Nothing of a reading is lost on its way, but what goes beside it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepInMemory, parseMail } from '#replyd/mail/message.js';
import { packReading, unpackReading } from '#replyd/mail/packed.js';
import { readMail } from '#replyd/mail/reading.js';
import { corpusMails } from './corpus.js';

test('every mail of the corpus comes over as it was, without its bodies and contents', async () => {
  for (const { name, bytes } of corpusMails()) {
    const reading = readMail(await parseMail(bytes, keepInMemory), { texts: [], replyAddresses: [] });
    const attachments = reading.mail.attachments.map(each => ({ ...each, content: { bytes: new Uint8Array(0) } }));
    const expected = { ...reading, mail: { ...reading.mail, plain: null, html: null, attachments } };
    assert.deepEqual(unpackReading(packReading(reading)), expected, name);
  }
});
