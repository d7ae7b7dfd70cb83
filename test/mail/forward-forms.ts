/**
 * How mail programs write a mail that is sent on into the body of a new one, in the languages people have set them to.
 * Structures after the fixtures and tables of crisp-oss/email-forward-parser (lib/parser.js and test/fixtures); words,
 * names and addresses are our own. `{…}` are filled in: name, address, to, subject, body.
 */

export interface ForwardForm {
  readonly client: string;
  readonly subject: string;
  readonly lines: readonly string[];
  /** The date as it is read; the forward itself was written in the zone +0100. */
  readonly date: string | null;
  readonly html?: true;
}

const GMAIL = '---------- Forwarded message ---------';

function gmail(language: string, from: string, date: string, read: string | null): ForwardForm {
  return {
    client: `Gmail (${language})`,
    subject: 'Fwd: {subject}',
    lines: [
      GMAIL,
      `${from}: {name} <{address}>`,
      `Date: ${date}`,
      'Subject: {subject}',
      'To: <{to}>',
      '',
      '',
      '{body}',
    ],
    date: read,
  };
}

type Labels = readonly [from: string, subject: string, date: string, to: string];

/** All of it quoted, as the plain part has it; or nothing, as newer versions write it. */
function apple(
  language: string,
  opening: string,
  [from, subject, date, to]: Labels,
  on: string,
  quoted = true,
): ForwardForm {
  const lines = [
    `${opening}:`,
    '',
    `${from}: {name} <{address}>`,
    `${subject}: {subject}`,
    `${date}: ${on}`,
    `${to}: {to}`,
    '',
    '{body}',
  ];
  return {
    client: `Apple Mail (${language}${quoted ? '' : ', not quoted'})`,
    subject: 'Fwd: {subject}',
    lines: quoted ? lines.map(line => (line === '' ? '>' : line === '{body}' ? '{quoted body}' : `> ${line}`)) : lines,
    date: '2026-10-26T11:25:08.000Z',
  };
}

function thunderbird(language: string, opening: string, [from, subject, date, to]: Labels): ForwardForm {
  return {
    client: `Thunderbird (${language})`,
    subject: 'Fwd: {subject}',
    lines: [
      `-------- ${opening} --------`,
      `${subject}: \t{subject}`,
      `${date}: \tTue, 3 Nov 2026 15:51:30 +0100`,
      `${from}: \t{name} <{address}>`,
      `${to}: \t{to}`,
      '',
      '',
      '',
      '{body}',
    ],
    date: '2026-11-03T14:51:30.000Z',
  };
}

/** Outlook for Windows and on the web: no line but fields, `rule` in front on the web. */
function outlook(
  language: string,
  prefix: string,
  [from, subject, sent, to]: Labels,
  { on, read, rule = false }: { on: string; read: string | null; rule?: boolean },
): ForwardForm {
  return {
    client: `Outlook (${language}${rule ? ', web' : ''})`,
    subject: `${prefix}: {subject}`,
    lines: [
      ...(rule ? ['________________________________'] : []),
      `${from}: {name} <{address}>`,
      `${sent}: ${on}`,
      `${to}: {to} <{to}>`,
      `${subject}: {subject}`,
      '',
      '{body}',
    ],
    date: read,
  };
}

const EN: Labels = ['From', 'Subject', 'Date', 'To'];
const AT = '2026-10-28T11:46:00.000Z';

export const FORWARD_FORMS: readonly ForwardForm[] = [
  gmail('en', 'From', 'Wed, Oct 28, 2026 at 12:46 PM', AT),
  gmail('de', 'Von', 'Mi., 28. Okt. 2026 um 12:46 Uhr', AT),
  gmail('fr', 'De', 'mer. 28 oct. 2026 à 12:46', AT),
  gmail('es', 'De', 'mié, 28 oct 2026 a las 12:46', AT),
  gmail('pt-br', 'De', 'qua., 28 de out. de 2026 às 12:46', AT),
  gmail('it', 'Da', 'mer 28 ott 2026 alle ore 12:46', AT),
  gmail('nl', 'Van', 'wo 28 okt 2026 om 12:46', AT),
  gmail('da', 'Fra', 'ons. 28. okt. 2026 kl. 12.46', AT),
  gmail('no', 'Fra', 'ons. 28. okt. 2026 kl. 12:46', AT),
  gmail('sv', 'Från', 'ons 28 okt. 2026 kl 12:46', AT),
  gmail('fi', 'Lähettäjä', 'ke 28. lokak. 2026 klo 12.46', null),
  gmail('pl', 'Od', 'śr., 28 paź 2026 o 12:46', null),
  gmail('cs', 'Od', 'st 28. 10. 2026 v 12:46', null),
  gmail('hr', 'Šalje', 'sri, 28. lis 2026. u 12:46', null),
  gmail('hu', 'Feladó', '2026. okt. 28., Sze, 12:46', null),
  gmail('et', 'Saatja', 'K, 28. oktoober 2026 kell 12:46', null),
  gmail('ro', 'De la', 'mie., 28 oct. 2026 la 12:46', AT),
  gmail('ru', 'От', 'ср, 28 окт. 2026 г. в 12:46', null),
  gmail('tr', 'Gönderen', '28 Eki 2026 Çar, 12:46', null),
  gmail('uk', 'Від', 'ср, 28 жовт. 2026 р. о 12:46', null),
  apple('en', 'Begin forwarded message', EN, '26 October 2026 at 12:25:08 CET'),
  apple('en', 'Begin forwarded message', EN, 'October 26, 2026 at 12:25:08 PM GMT+1', false),
  apple(
    'de',
    'Anfang der weitergeleiteten Nachricht',
    ['Von', 'Betreff', 'Datum', 'An'],
    '26. Oktober 2026 um 12:25:08 MEZ',
  ),
  apple('fr', 'Début du message réexpédié ', ['De', 'Objet', 'Date', 'À'], '26 octobre 2026 à 12:25:08 UTC+1'),
  apple(
    'fr, iOS',
    'Début du message transféré ',
    ['De', 'Objet', 'Date', 'À'],
    '26 octobre 2026 à 12:25:08 UTC+1',
    false,
  ),
  apple('es', 'Inicio del mensaje reenviado', ['De', 'Asunto', 'Fecha', 'Para'], '26 de octubre de 2026, 12:25:08 CET'),
  apple('it', 'Inizio messaggio inoltrato', ['Da', 'Oggetto', 'Data', 'A'], '26 ottobre 2026 12:25:08 CET'),
  apple('nl', 'Begin doorgestuurd bericht', ['Van', 'Onderwerp', 'Datum', 'Aan'], '26 oktober 2026 om 12:25:08 CET'),
  apple('sv', 'Vidarebefordrat mejl', ['Från', 'Ämne', 'Datum', 'Till'], '26 oktober 2026 12:25:08 CET'),
  thunderbird('en', 'Forwarded Message', EN),
  thunderbird('de', 'Weitergeleitete Nachricht', ['Von', 'Betreff', 'Datum', 'An']),
  thunderbird('fr', 'Message transféré', ['De ', 'Sujet ', 'Date ', 'Pour ']),
  thunderbird('it', 'Messaggio Inoltrato', ['Mittente', 'Oggetto', 'Data', 'A']),
  thunderbird('pl', 'Treść przekazanej wiadomości', ['Nadawca', 'Temat', 'Data', 'Adresat']),
  thunderbird('fi', 'Välitetty viesti / Fwd.Msg', ['Lähettäjä', 'Aihe', 'Päiväys', 'Vastaanottaja']),
  thunderbird('tr', 'İletilen İleti', ['Kimden', 'Konu', 'Tarih', 'Kime']),
  thunderbird('ru', 'Перенаправленное сообщение', ['От', 'Тема', 'Дата', 'Кому']),
  thunderbird('sk', 'Preposlaná správa --- Forwarded Message', ['Od', 'Predmet', 'Dátum', 'Pre']),
  outlook('en', 'FW', ['From', 'Subject', 'Sent', 'To'], { on: 'Wednesday, October 28, 2026 12:46 PM', read: AT }),
  outlook('en', 'Fw', ['From', 'Subject', 'Sent', 'To'], {
    on: 'Wednesday, October 28, 2026 12:46 PM',
    read: AT,
    rule: true,
  }),
  outlook('en, Mac', 'FW', EN, { on: 'Wednesday, 28 October 2026 at 12:46', read: AT }),
  outlook('de', 'WG', ['Von', 'Betreff', 'Gesendet', 'An'], { on: 'Mittwoch, 28. Oktober 2026 12:46', read: AT }),
  outlook('de', 'WG', ['Von', 'Betreff', 'Gesendet', 'An'], {
    on: 'Mittwoch, 28. Oktober 2026 12:46',
    read: AT,
    rule: true,
  }),
  outlook('fr', 'TR', ['De ', 'Objet ', 'Envoyé ', 'À '], { on: 'mercredi 28 octobre 2026 12:46', read: AT }),
  outlook('es', 'RV', ['De', 'Asunto', 'Enviado el', 'Para'], {
    on: 'miércoles, 28 de octubre de 2026 12:46',
    read: AT,
  }),
  outlook('it', 'I', ['Da', 'Oggetto', 'Inviato', 'A'], { on: 'mercoledì 28 ottobre 2026 12:46', read: AT }),
  outlook('pt-br', 'ENC', ['De', 'Assunto', 'Enviada em', 'Para'], {
    on: 'quarta-feira, 28 de outubro de 2026 12:46',
    read: null,
  }),
  outlook('nl', 'FW', ['Van', 'Onderwerp', 'Verzonden', 'Aan'], { on: 'woensdag 28 oktober 2026 12:46', read: AT }),
  outlook('sv', 'VB', ['Från', 'Ämne', 'Skickat', 'Till'], { on: 'den 28 oktober 2026 12:46', read: AT }),
  outlook('pl', 'PD', ['Od', 'Temat', 'Wysłano', 'Do'], { on: 'środa, 28 października 2026 12:46', read: null }),
  outlook('fi', 'VL', ['Lähettäjä', 'Aihe', 'Lähetetty', 'Vastaanottaja'], {
    on: '28. lokakuuta 2026 12:46',
    read: null,
  }),
  outlook('tr', 'İLT', ['Kimden', 'Konu', 'Gönderildi', 'Kime'], { on: '28 Ekim 2026 Çarşamba 12:46', read: null }),
  {
    client: 'Missive',
    subject: 'Fwd: {subject}',
    lines: [
      '---------- Forwarded message ----------',
      'From: {name} <{address}>',
      'Date: October 28, 2026 at 12:46 PM',
      'To: {to}',
      'Subject: {subject}',
      '',
      '{quoted body}',
      '>',
    ],
    date: AT,
  },
  {
    client: 'MailMate',
    subject: 'Fwd: {subject}',
    lines: [
      'Forwarded message:',
      '',
      '> From: {name} <{address}>',
      '> To: {to}',
      '> Subject: {subject}',
      '> Date: Wed, 28 Oct 2026 11:46:00 +0000',
      '>',
      '{quoted body}',
    ],
    date: AT,
  },
  {
    client: 'HubSpot (de)',
    subject: 'Fwd: {subject}',
    lines: [
      '---------- Weitergeleitete Nachricht ---------',
      'Von: {name} <{address}>',
      'Datum: Mittwoch, 28. Oktober 2026, 07:46:00 -0400',
      'Betreff: {subject}',
      'An: {to}',
      '',
      '{body}',
    ],
    date: AT,
  },
  {
    client: 'mutt',
    subject: 'Fwd: {subject}',
    lines: [
      '----- Forwarded message from {name} <{address}> -----',
      '',
      'Date: Wed, 28 Oct 2026 12:46:00 +0100',
      'From: {name} <{address}>',
      'To: {to}',
      'Subject: {subject}',
      '',
      '{body}',
      '',
      '----- End forwarded message -----',
    ],
    date: AT,
  },
  {
    client: 'Yahoo',
    subject: 'Fw: {subject}',
    html: true,
    lines: [
      '<div>----- Forwarded Message -----</div>',
      '<div><b>From:</b> {name} &lt;{address}&gt;</div>',
      '<div><b>To:</b> "{to}" &lt;{to}&gt;</div>',
      '<div><b>Sent:</b> Wednesday, October 28, 2026, 12:46:00 PM GMT+1</div>',
      '<div><b>Subject:</b> {subject}</div><br>',
      '<div>{html body}</div>',
    ],
    date: AT,
  },
  {
    client: 'Gmail (en, HTML alone)',
    subject: 'Fwd: {subject}',
    html: true,
    lines: [
      '<br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>',
      'From: <strong class="gmail_sendername" dir="auto">{name}</strong> <span dir="auto">&lt;<a href="mailto:{address}">{address}</a>&gt;</span><br>',
      'Date: Wed, Oct 28, 2026 at 12:46&#8239;PM<br>Subject: {subject}<br>To:  &lt;<a href="mailto:{to}">{to}</a>&gt;<br></div><br><br>',
      '<div dir="ltr">{html body}</div></div>',
    ],
    date: AT,
  },
  {
    client: 'Outlook (en, HTML alone)',
    subject: 'FW: {subject}',
    html: true,
    lines: [
      '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm">',
      '<p class="MsoNormal"><b>From:</b> {name} &lt;{address}&gt; <br><b>Sent:</b> Wednesday, October 28, 2026 12:46 PM<br>',
      '<b>To:</b> {to}<br><b>Subject:</b> {subject}</p></div></div>',
      '<p class="MsoNormal">{html body}</p>',
    ],
    date: AT,
  },
  {
    client: 'Thunderbird (en, HTML alone)',
    subject: 'Fwd: {subject}',
    html: true,
    lines: [
      '<div class="moz-forward-container"><br><br>-------- Forwarded Message --------',
      '<table class="moz-email-headers-table"><tbody>',
      '<tr><th align="RIGHT">Subject: </th><td>{subject}</td></tr>',
      '<tr><th align="RIGHT">Date: </th><td>Wed, 28 Oct 2026 12:46:00 +0100</td></tr>',
      '<tr><th align="RIGHT">From: </th><td>{name} <a class="moz-txt-link-rfc2396E" href="mailto:{address}">&lt;{address}&gt;</a></td></tr>',
      '<tr><th align="RIGHT">To: </th><td><a href="mailto:{to}">{to}</a></td></tr></tbody></table><br><br>',
      '<p>{html body}</p></div>',
    ],
    date: AT,
  },
];
