/**
 * The example application with the real daemon, real SMTP and real webhooks, once for each channel: the visitor writes,
 * the agent answers while he is away, the answer is mailed, he replies by mail, and the reply stands in his widget.
 */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ApiKey, Conversation, Hook } from '#replyd/conversation/model.js';
import { addAccount, type DaemonProcess, withDaemon } from '../daemon-process.js';
import { sendMail } from '../interop/smtp-talk.js';
import { eventually } from '../run.js';

/** As the example has it; Node itself reads its TypeScript. */
interface ChatOptions {
  replyd: string;
  key: string;
  secret: string;
  channel: string;
}
const EXAMPLE = new URL('../../examples/chat-widget/server.ts', import.meta.url).href;
const { createChat } = (await import(EXAMPLE)) as { createChat(options: ChatOptions): Server };

const SETTINGS = { 'hooks.allow_private': true, 'continuity.delay': '1s', 'log.level': 'info' };

interface Line {
  readonly who: string;
  readonly text: string;
}

/** The example, listening, with a key and a hook of its own. */
async function startChat(context: TestContext, daemon: DaemonProcess, channel: string) {
  const key = (await daemon.json<ApiKey & { key: string }>(['key', 'add', 'acme'])).key;
  const options: ChatOptions = {
    replyd: `http://${daemon.listening.http}`,
    key,
    secret: '',
    channel,
  };
  const server = createChat(options);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  options.secret = (await daemon.json<Hook & { secret: string }>(['hook', 'add', 'acme', `${url}/replyd`])).secret;
  const ask = async (method: string, place: string, body?: unknown) => {
    const response = await fetch(url + place, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    assert.ok(response.ok, `${method} ${place}: ${response.status} ${await response.clone().text()}`);
    return (await response.json()) as readonly Line[];
  };
  return { url, ask, key };
}

/** Mails that left so far. */
async function sentMails(daemon: DaemonProcess): Promise<string[]> {
  const folder = path.join(daemon.dataFolder, 'sent');
  const names = (await readdir(folder).catch(() => [])).filter(name => name.endsWith('.eml')).sort();
  return Promise.all(names.map(name => readFile(path.join(folder, name), 'utf8')));
}

function field(mail: string, name: string): string {
  const head = mail.slice(0, mail.indexOf('\r\n\r\n')).replaceAll(/\r\n[ \t]+/g, ' ');
  return new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1] ?? '';
}

for (const channel of ['facebook', 'twitter', 'web_widget', 'twilio_sms', 'whatsapp']) {
  test(`${channel}: a talk goes on by mail and comes back`, async context => {
    await withDaemon({ settings: SETTINGS }, async daemon => {
      await addAccount(daemon);
      const { url, ask, key } = await startChat(context, daemon, channel);
      const place = '/visitors/visitor-7';
      await ask('POST', `${place}/messages`, {
        text: 'Where is my parcel?',
        name: 'Carla',
        email: 'carla@customer.example',
      });
      await ask('POST', `${place}/answers`, { text: 'I am looking…', agent: 'Ann' });
      await ask('POST', `${place}/answers`, { text: 'It is in **Ghent**.', agent: 'Ann' });

      const [mail] = await eventually('the answers are mailed', async () => {
        const mails = await sentMails(daemon);
        return mails.length > 0 ? mails : null;
      });
      assert.match(field(mail!, 'From'), /Ann \(Acme\).*<support@example\.com>/);
      assert.match(mail!, /I am looking/);
      assert.match(mail!, /It is in \*\*Ghent\*\*\./, 'what was given as text stays text');
      assert.match(mail!, /Where is my parcel\?/, 'with what was said before');
      const replyTo = /<(reply\+[0-9a-f]{32}@reply\.example\.com)>/.exec(field(mail!, 'Reply-To'))![1]!;

      const reply = [
        'From: Carla <carla@customer.example>',
        `To: ${replyTo}`,
        `Subject: ${field(mail!, 'Subject')}`,
        'Message-ID: <answer-1@customer.example>',
        `In-Reply-To: ${field(mail!, 'Message-ID')}`,
        'Content-Type: text/plain; charset=utf-8',
        '',
        'Great, thank you!',
        '',
        'On Mon, 5 Jan 2026, Ann wrote:',
        '> It is in Ghent.',
        '',
      ].join('\r\n');
      const sent = await sendMail(daemon.smtp, { from: 'carla@customer.example', to: [replyTo], data: reply });
      assert.equal(sent.data[0]!.code, 250);

      const widget = await eventually('the reply stands in the widget', async () => {
        const lines = await ask('GET', `${place}/messages`);
        return lines.some(line => line.text.includes('thank you')) ? lines : null;
      });
      assert.deepEqual(
        widget.map(line => [line.who, line.text]),
        [
          ['Carla', 'Where is my parcel?'],
          ['Ann', 'I am looking…'],
          ['Ann', 'It is in **Ghent**.'],
          ['Carla', 'Great, thank you!'],
        ],
      );

      // The widget was open just now; what an agent says while he looks is not mailed.
      await ask('POST', `${place}/answers`, { text: 'You are welcome.', agent: 'Ann' });
      await ask('GET', `${place}/messages`);
      const response = await fetch(`http://${daemon.listening.http}/v1/conversations/1`, {
        headers: { authorization: `Bearer ${key}` },
      });
      const shown = (await response.json()) as Conversation;
      assert.deepEqual([shown.channel, shown.source_id, shown.contact.name], [channel, 'visitor-7', 'Carla']);
      assert.deepEqual(
        shown.messages!.map(each => [each.kind, each.via, each.mail.state, each.mail.reason]),
        [
          ['channel', 'api', 'none', null],
          ['reply', 'api', 'sent', null],
          ['reply', 'api', 'sent', null],
          ['reply', 'smtp', 'none', null],
          ['reply', 'api', 'not_mailed', 'seen'],
        ],
      );
      assert.equal((await sentMails(daemon)).length, 1);
      const forged = await fetch(`${url}/replyd`, { method: 'POST', body: '{}' });
      assert.equal(forged.status, 401);
    });
  });
}
