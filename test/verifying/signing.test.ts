import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { silentLog } from '#replyd/base/log.js';
import type { DkimKey } from '#replyd/conversation/model.js';
import { openVerifier } from '#replyd/verifying/verifier.js';
import { addAccount, startConversation, withDaemon } from '../daemon-process.js';
import { startSink } from '../outbound/smtp-sink.js';
import { eventually } from '../run.js';
import { startDns } from './dns-server.js';

// What we sign, a verifier finds right: the whole way from the command line to the smarthost.

test('answers leave signed for the domain of the support address, large ones too', async t => {
  const sink = await startSink({ EHLO: '250-sink.example\r\n250 SIZE 50000000' });
  t.after(() => sink.close());
  const dns = await startDns({ 'TXT _dmarc.example.com': ['v=DMARC1; p=reject'] });
  t.after(() => dns.close());
  const verifier = openVerifier({ servers: () => [dns.address], log: silentLog });
  t.after(() => verifier.close());
  const settings = {
    'outbound.transport': 'smtp',
    'outbound.host': '127.0.0.1',
    'outbound.port': sink.port,
    'continuity.delay': '0s',
  };
  await withDaemon({ settings }, async daemon => {
    await addAccount(daemon);
    const answer = async (text: string, ...more: readonly string[]) => {
      const before = sink.accepted.length;
      const { id } = await startConversation(daemon);
      await daemon.json(['conversation', 'reply', id, '--text', text, '--agent', 'Ann', ...more]);
      return eventually('it is mailed', async () => sink.accepted[before] ?? Promise.reject(new Error('not yet')));
    };
    const judged = async ({ data }: { readonly data: string }) => {
      const raw = { bytes: Buffer.from(data, 'latin1') };
      const { spf, dkim, dmarc } = await verifier.verify({ raw, mailFrom: '', client: null }, { within: 10_000 });
      return { spf, dkim, dmarc };
    };
    assert.deepEqual(await judged(await answer('Without a key.')), { spf: null, dkim: 'none', dmarc: 'fail' });

    const key = await daemon.json<DkimKey>(['dkim', 'add', 'example.com']);
    await daemon.json(['dkim', 'add', 'other.example']);
    dns.zone[`TXT ${key.record.name}`] = [key.record.value];
    const right = { spf: null, dkim: 'pass', dmarc: 'pass' };
    const signed = await answer('It is in Ghent – grüezi.');
    assert.deepEqual(await judged(signed), right);
    assert.match(signed.data, /^DKIM-Signature: v=1; a=rsa-sha256; c=relaxed\/relaxed; d=example\.com;/);
    assert.deepEqual(await judged({ data: signed.data.replace('Ghent', 'Genua') }), {
      ...right,
      dkim: 'fail',
      dmarc: 'fail',
    });

    const file = path.join(daemon.folder, 'plan.pdf');
    await writeFile(file, Readable.from(Array.from({ length: 48 }, (_, index) => Buffer.alloc(65_536, index))));
    assert.deepEqual(await judged(await answer('The plan.', '--attach', file)), right);
    assert.deepEqual(await readdir(path.join(daemon.dataFolder, 'incoming')), []);
    assert.doesNotMatch(daemon.log(), /PRIVATE KEY/);
  });
});
