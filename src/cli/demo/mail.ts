/** The customer's reply in the demo, as Gmail writes one: text and HTML, both with the answered mail quoted. */
import { escapeHtml } from '../../mail/html/escape.js';

/** The unfolded value of a header field, '' when there is none. */
export function fieldOf(mail: string, name: string): string {
  const [head = ''] = mail.split(/\r?\n\r?\n/, 1);
  const fields = head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/);
  const field = fields.find(line => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return field?.slice(name.length + 1).trim() ?? '';
}

export function gmailReply(reply: {
  readonly to: string;
  readonly from: { readonly name: string; readonly email: string };
  readonly answering: string;
}): string {
  const { to, from, answering } = reply;
  const messageId = fieldOf(answering, 'Message-ID');
  const subject = fieldOf(answering, 'Subject');
  const references = `${fieldOf(answering, 'References')} ${messageId}`.trim();
  const now = new Date();
  const boundary = '000000000000demo0006f2a1b3c4d5';
  const words = ['Thank you, that is good to hear! Yes, my neighbour takes it if I am out.', '', 'Maria'];
  const quoted = plainText(answering);
  const attribution = `On ${gmailDate(now)} ${fieldOf(answering, 'From').replace(/"/g, '')} wrote:`;
  const html = [
    `<div dir="ltr"><div>${words[0]}</div><div><br></div><div>Maria</div></div><br>`,
    '<div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">',
    `${escapeHtml(attribution)}<br></div>`,
    '<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">',
    quoted.map(line => `${escapeHtml(line)}<br>`).join('\r\n'),
    '</blockquote></div>',
  ];
  return [
    'MIME-Version: 1.0',
    `References: ${references.replace(/ +/g, '\r\n ')}`,
    `In-Reply-To: ${messageId}`,
    `From: ${from.name} <${from.email}>`,
    `Date: ${now.toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <CAF+demo${now.getTime().toString(36)}@mail.gmail.example>`,
    `Subject: ${/^re:/i.test(subject) ? subject : `Re: ${subject}`}`,
    `To: ${to}`,
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset="UTF-8"',
    'Content-Transfer-Encoding: 8bit',
    '',
    ...words,
    '',
    attribution,
    '',
    ...quoted.map(line => (line === '' ? '>' : `> ${line}`)),
    '',
    `--${boundary}`,
    'Content-Type: text/html; charset="UTF-8"',
    'Content-Transfer-Encoding: 8bit',
    '',
    ...html,
    '',
    `--${boundary}--`,
    '',
  ].join('\r\n');
}

// The text part of the mail that replyd sent, decoded: what a mail program shows and quotes.
function plainText(mail: string): string[] {
  const at = mail.search(/content-type:\s*text\/plain/i);
  const part = mail.slice(Math.max(at, 0));
  const bodyAt = part.search(/\r?\n\r?\n/);
  const head = part.slice(0, bodyAt);
  const boundary = /boundary="?([^";\r\n]+)/i.exec(mail)?.[1];
  const body = part.slice(bodyAt).replace(/^(?:\r?\n){2}/, '');
  const text = boundary === undefined ? body : (body.split(`--${boundary}`)[0] ?? '');
  const decoded = /quoted-printable/i.test(head)
    ? decodeQuotedPrintable(text)
    : /base64/i.test(head)
      ? Buffer.from(text, 'base64').toString('utf8')
      : text;
  return decoded.trimEnd().split(/\r?\n/);
}

function decodeQuotedPrintable(text: string): string {
  const joined = text.replace(/=\r?\n/g, '');
  const bytes = joined.replace(/=([0-9A-F]{2})/gi, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function gmailDate(date: Date): string {
  const day = date.toLocaleDateString('en-US', { weekday: 'short', month: 'short', day: 'numeric', year: 'numeric' });
  const time = date.toLocaleTimeString('en-US', { hour: 'numeric', minute: '2-digit' });
  return `${day} at ${time}`;
}
