/** A client with a ledger: sends distinct mails until it is stopped or cut off and remembers which got their 250. */
import { connectTalk } from '../interop/smtp-talk.js';

export interface Sent {
  /** The mail's own word, in its text and Message-ID. */
  readonly word: string;
  readonly conversation: number;
  /** The id in the 250, or null when no answer came: then it may or may not be stored. */
  readonly mailId: string | null;
}

/** Of about `size` bytes; the word stands in the text. */
export function mailBytes(word: string, to: string, size: number): Buffer {
  const filler = `${'lorem ipsum dolor sit amet '.repeat(3).trim()}\n`;
  const lines = Math.max(0, Math.ceil((size - 300) / filler.length));
  const text = `From: Carla <carla@customer.example>
To: ${to}
Subject: Re: Question
Date: Sun, 22 Nov 2026 10:00:00 +0000
Message-ID: <${word}@customer.example>
Content-Type: text/plain; charset=utf-8

${word}
${filler.repeat(lines)}`;
  return Buffer.from(text);
}

/** Sends on one kept connection until `stop` says so or the other side is gone. `ledger` grows as answers come. */
export async function sendUntil(
  address: { host: string; port: number },
  recipients: readonly string[],
  options: { name: string; size: number; ledger: Sent[]; stop: () => boolean },
): Promise<void> {
  const { name, size, ledger, stop } = options;
  try {
    const talk = await connectTalk(address, { timeout: 60_000 });
    await talk.expect(220);
    await talk.command('EHLO client.example.net', 250);
    for (let number = 0; !stop(); number += 1) {
      const conversation = number % recipients.length;
      const to = recipients[conversation]!;
      const word = `${name}-${number}`;
      const entry = { word, conversation, mailId: null };
      ledger.push(entry);
      await talk.command('MAIL FROM:<carla@customer.example>', 250);
      await talk.command(`RCPT TO:<${to}>`, 250);
      await talk.command('DATA', 354);
      talk.sendMail(mailBytes(word, to, size));
      const answer = await talk.expect('250 2.0.0');
      ledger[ledger.indexOf(entry)] = { ...entry, mailId: answer.texts[0]!.split(' ').at(-1)! };
    }
  } catch {
    // Cut off in the middle: what has no answer stays without one in the ledger.
  }
}
