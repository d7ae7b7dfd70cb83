/** Files mails with HTML by SMTP and reads what the API shows of them, by the number that each has. */
import { eachOf } from './attack.js';
import { ask } from './http-client.js';
import type { Target } from './target.js';

export interface Shown {
  /** Null: the mail has no HTML that is shown, and `evidence` may say why. */
  readonly html: string | null;
  readonly text: string;
  readonly evidence: readonly string[];
}

export function htmlPart(html: string): string {
  const coded = Buffer.from(html)
    .toString('base64')
    .replaceAll(/(.{76})/g, '$1\n');
  return `Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n${coded}\n`;
}

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** With two pictures, `cid:one@pictures.example` and `cid:two@pictures.example`. */
export function relatedParts(html: string): string {
  const picture = (name: string) =>
    `--rel\nContent-Type: image/png\nContent-ID: <${name}@pictures.example>\nContent-Disposition: inline; filename=${name}.png\n` +
    `Content-Transfer-Encoding: base64\n\n${PIXEL}\n`;
  return (
    `Content-Type: multipart/related; boundary=rel\n\n--rel\n${htmlPart(html)}` +
    `${picture('one')}${picture('two')}--rel--\n`
  );
}

/**
 * What the API shows of each mail, in their order; an error's text where a mail was not taken. A mail is what stands behind
 * From, To, Subject and Message-ID: the rest of the header, an empty line, the body.
 */
export async function fileAndShow(target: Target, mails: readonly string[]): Promise<readonly (Shown | string)[]> {
  const { id, reply_to } = await target.converse();
  const found = new Map<string, Shown>();
  const refused = new Map<number, string>();
  await eachOf(mails, 4, async (content, number) => {
    const talk = await target.session('smtp', { timeout: 60_000 });
    try {
      await talk.command('MAIL FROM:<carla@customer.example>', 250);
      await talk.command(`RCPT TO:<${reply_to}>`, 250);
      await talk.command('DATA', 354);
      const head = `From: Carla <carla@customer.example>\nTo: <${reply_to}>\nSubject: Re: parcel\nMIME-Version: 1.0\n`;
      talk.sendMail(`${head}Message-ID: <case-${number}@customer.example>\n${content}`);
      const reply = await talk.reply();
      if (reply.code !== 250) refused.set(number, reply.raw);
    } catch (error) {
      refused.set(number, String(error));
    } finally {
      talk.close();
    }
  });
  let cursor: string | null = '';
  while (cursor !== null) {
    const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { text } = await ask(target.url, {
      place: `/v1/conversations/${id}/messages?limit=100${more}`,
      key: target.acme.key,
    });
    const page = JSON.parse(text) as { data: (Shown & { message_id: string | null })[]; next_cursor: string | null };
    for (const message of page.data) if (message.message_id !== null) found.set(message.message_id, message);
    cursor = page.next_cursor;
  }
  return mails.map((_, number) => {
    const shown = found.get(`case-${number}@customer.example`);
    return refused.get(number) ?? shown ?? 'the mail is not shown';
  });
}
