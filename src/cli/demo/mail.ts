/** The customer's reply in the demo, as Gmail writes one: text and HTML, both with the answered mail quoted. */
import MailComposer from 'nodemailer/lib/mail-composer';
import { escapeHtml } from '../../mail/html/escape.js';
import type { Mail, Mailbox } from '../../mail/mail.js';

/** The value of a header field, '' when there is none. */
export function fieldOf(mail: Mail, name: string): string {
  return mail.headers.find(field => field.name === name.toLowerCase())?.value ?? '';
}

export function gmailReply(reply: {
  readonly to: string;
  readonly from: Mailbox;
  readonly answering: Mail;
}): Promise<Buffer> {
  const { to, from, answering } = reply;
  const now = new Date();
  const messageId = fieldOf(answering, 'Message-ID');
  const words = ['Thank you, that is good to hear! Yes, my neighbour takes it if I am out.', '', 'Maria'];
  const quoted = (answering.plain ?? '').trimEnd().split('\n');
  const attribution = `On ${gmailDate(now)} ${fieldOf(answering, 'From').replace(/"/g, '')} wrote:`;
  const html = [
    `<div dir="ltr"><div>${words[0]}</div><div><br></div><div>Maria</div></div><br>`,
    '<div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">',
    `${escapeHtml(attribution)}<br></div>`,
    '<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">',
    quoted.map(line => `${escapeHtml(line)}<br>`).join('\n'),
    '</blockquote></div>',
  ];
  return new MailComposer({
    from: { name: from.name, address: from.email },
    to,
    subject: `Re: ${answering.subject}`,
    messageId: `<CAF+demo${now.getTime().toString(36)}@mail.gmail.example>`,
    inReplyTo: messageId,
    references: [...answering.references.map(id => `<${id}>`), messageId],
    date: now,
    text: [...words, '', attribution, '', ...quoted.map(line => `> ${line}`.trimEnd()), ''].join('\n'),
    html: html.join('\n'),
    newline: 'windows',
  })
    .compile()
    .build();
}

function gmailDate(date: Date): string {
  const day = date.toLocaleDateString('en-US', { weekday: 'short', month: 'short', day: 'numeric', year: 'numeric' });
  const time = date.toLocaleTimeString('en-US', { hour: 'numeric', minute: '2-digit' });
  return `${day} at ${time}`;
}
