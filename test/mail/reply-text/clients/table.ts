/**
 * Mail programs in use, with what each writes when somebody replies or forwards: its line or header block, the shape
 * around the quoted mail in text and HTML, its device line, in the language of most of its users. `source` names where
 * this can be looked up in public; the words here are ours, and nothing is taken from the tables in `src`.
 */
import type { SHAPES } from './shapes.js';

export interface Client {
  readonly name: string;
  readonly source: string;
  /** The lines above the quoted mail of a reply, and of a forward. `<>` holds an address. */
  readonly reply: readonly string[];
  readonly forward: readonly string[];
  /** What stands in front of each quoted line of a text part; '' for none; null where there is never a text part alone. */
  readonly sign: string;
  readonly html: keyof typeof SHAPES | null;
  /** The shape of a forward, where it differs. */
  readonly forwardHtml?: keyof typeof SHAPES;
  readonly device?: string;
}

const ANN = 'Ann (Acme) <support@acme.example>';
const JANE = 'jane@client.example';

/** A header block with the labels of a language. */
function block(labels: string, { date = 'Monday, 30 November 2026 09:00' } = {}): readonly string[] {
  const [from, sent, to, subject] = labels.split(' ');
  return [`${from}: ${ANN}`, `${sent!.replaceAll('_', ' ')}: ${date}`, `${to}: ${JANE}`, `${subject}: [#1] Your order`];
}

const FROM = block('From Sent To Subject');
const VON = block('Von Gesendet An Betreff', { date: 'Montag, 30. November 2026 09:00' });
const GMAIL = `---------- Forwarded message ---------`;
const TALON = 'mailgun/talon tests/fixtures';
const CRISP = 'crisp-oss/email-forward-parser test/fixtures';

/** Gmail and the programs that write its lines. */
const gmail = (name: string, attribution: string, more: Partial<Client> = {}): Client => ({
  name,
  source: `${CRISP} gmail_*; ${TALON}`,
  reply: [attribution],
  forward: [GMAIL, `From: ${ANN}`, 'Date: Mon, Nov 30, 2026 at 9:00 AM', 'Subject: [#1] Your order', `To: <${JANE}>`],
  sign: '> ',
  html: 'gmail',
  forwardHtml: 'gmailForward',
  ...more,
});

const apple = (name: string, attribution: string, more: Partial<Client> = {}): Client => ({
  name,
  source: `${CRISP} apple_mail_*`,
  reply: [attribution],
  forward: [
    'Begin forwarded message:',
    '',
    `From: ${ANN}`,
    'Subject: [#1] Your order',
    'Date: 30 November 2026 at 09:00:00 CET',
    `To: ${JANE}`,
  ],
  sign: '> ',
  html: 'apple',
  ...more,
});

const outlook = (name: string, html: Client['html'], more: Partial<Client> = {}): Client => ({
  name,
  source: `${CRISP} outlook_*; ${TALON}`,
  reply: ['________________________________', ...FROM],
  forward: ['________________________________', ...FROM],
  sign: '',
  html,
  ...more,
});

/** A program whose forward is a framed line and a block. */
const framed = (name: string, source: string, attribution: string, more: Partial<Client> = {}): Client => ({
  name,
  source,
  reply: [attribution],
  forward: [
    '-------- Forwarded Message --------',
    ...block('From Date To Subject', { date: 'Mon, 30 Nov 2026 09:00:00 +0100' }),
  ],
  sign: '> ',
  html: 'cite',
  ...more,
});

const DAY = 'On Mon, Nov 30, 2026 at 9:00 AM';
const SHORT = 'On 30 Nov 2026, at 09:00';

export const CLIENTS: readonly Client[] = [
  gmail('Gmail on the web', `${DAY} ${ANN} wrote:`),
  gmail('Gmail for Android', `On Mon, 30 Nov 2026, 09:00 Ann (Acme), <support@acme.example> wrote:`),
  gmail('Gmail for iOS', `${DAY} Ann (Acme) <support@acme.example> wrote:`),
  gmail('Gmail, German', `Am Mo., 30. Nov. 2026 um 09:00 Uhr schrieb ${ANN}:`, {
    forward: [
      GMAIL,
      `Von: ${ANN}`,
      'Date: Mo., 30. Nov. 2026 um 09:00 Uhr',
      'Subject: [#1] Your order',
      `To: <${JANE}>`,
    ],
  }),
  gmail('Gmail, French', `Le lun. 30 nov. 2026 à 09:00, ${ANN} a écrit :`, {
    forward: [GMAIL, `De : ${ANN}`, 'Date: lun. 30 nov. 2026 à 09:00', 'Subject: [#1] Your order', `To: <${JANE}>`],
  }),
  gmail('Gmail, Japanese', `2026年11月30日(月) 9:00 ${ANN}:`),
  gmail('Superhuman', `On Mon, Nov 30, 2026 at 9:00 AM, ${ANN} wrote:`, {
    source: 'Superhuman help pages',
    device: 'Sent via Superhuman ( https://sprh.mn/?vip=jane@client.example )',
  }),
  gmail('Shortwave', `On Mon Nov 30, 2026, 09:00 AM GMT, Ann (Acme) <support@acme.example> wrote:`, {
    source: 'Shortwave help pages',
  }),
  apple('Apple Mail for macOS', `${SHORT}, Ann (Acme) <support@acme.example> wrote:`),
  apple('Apple Mail for iOS', `On Nov 30, 2026, at 9:00 AM, Ann (Acme) <support@acme.example> wrote:`, {
    device: 'Sent from my iPhone',
  }),
  apple('Apple Mail, German', `Am 30.11.2026 um 09:00 schrieb Ann (Acme) <support@acme.example>:`, {
    device: 'Von meinem iPad gesendet',
    forward: [
      'Anfang der weitergeleiteten Nachricht:',
      '',
      `Von: ${ANN}`,
      'Betreff: [#1] Your order',
      'Datum: 30. November 2026 um 09:00:00 MEZ',
      `An: ${JANE}`,
    ],
  }),
  apple('iCloud Mail on the web', `On Nov 30, 2026, at 9:00 AM, Ann (Acme) <support@acme.example> wrote:`, {
    source: 'iCloud Mail, seen in talon issue threads',
  }),
  apple('MailMate', `On 30 Nov 2026, at 9:00, Ann (Acme) wrote:`, { source: `${CRISP} mailmate_*`, html: null }),
  outlook('Outlook for Windows', 'wordBorder', { reply: FROM, forward: FROM }),
  outlook('Outlook for Windows, German', 'wordBorder', { reply: VON, forward: VON }),
  outlook('New Outlook', 'outlookWeb'),
  outlook('Outlook on the web', 'outlookWeb'),
  outlook('Outlook.com, Spanish', 'outlookWeb', {
    reply: [
      '________________________________',
      ...block('De Enviado Para Asunto', { date: 'lunes, 30 de noviembre de 2026 9:00' }),
    ],
    forward: [
      '________________________________',
      ...block('De Enviado Para Asunto', { date: 'lunes, 30 de noviembre de 2026 9:00' }),
    ],
  }),
  outlook('Outlook for iOS', 'outlookMobile', { device: 'Get Outlook for iOS<https://aka.ms/o0ukef>' }),
  outlook('Outlook for Android', 'outlookMobile', { device: 'Get Outlook for Android<https://aka.ms/AAb9ysg>' }),
  outlook('Outlook for Mac', 'outlookMac', {
    reply: block('From Date To Subject', { date: 'Monday, 30 November 2026 at 09:00' }),
    forward: block('From Date To Subject', { date: 'Monday, 30 November 2026 at 09:00' }),
  }),
  outlook('Windows Mail', 'wordBorder', { reply: FROM, forward: FROM, device: 'Sent from Mail for Windows' }),
  framed('Thunderbird', `${TALON} thunderbird; crisp thunderbird_*`, 'On 30/11/2026 09:00, Ann (Acme) wrote:', {
    html: 'thunderbird',
    forwardHtml: 'thunderbirdForward',
  }),
  framed('Thunderbird, French', `${CRISP} thunderbird_fr`, 'Le 30/11/2026 à 09:00, Ann (Acme) a écrit :', {
    html: 'thunderbird',
    forwardHtml: 'thunderbirdForward',
    forward: [
      '-------- Message transféré --------',
      ...block('Sujet Date De Pour').slice(0, 0),
      'Sujet : [#1] Your order',
      'Date : Mon, 30 Nov 2026 09:00:00 +0100',
      `De : ${ANN}`,
      `Pour : ${JANE}`,
    ],
  }),
  framed('Betterbird', 'Betterbird, a fork of Thunderbird', 'On 30/11/2026 09:00, Ann (Acme) wrote:', {
    html: 'thunderbird',
    forwardHtml: 'thunderbirdForward',
  }),
  framed(
    'Thunderbird for Android',
    'thunderbird/thunderbird-android, K-9 messages',
    'On 30 November 2026 09:00:00 CET, "Ann (Acme)" <support@acme.example> wrote:',
    {
      html: 'gmail',
      device: 'Sent from my Android device with K-9 Mail. Please excuse my brevity.',
      forward: ['-------- Original Message --------', ...FROM],
      forwardHtml: 'gmailForward',
    },
  ),
  framed('FairEmail', 'M66B/FairEmail', 'On Mon, Nov 30, 2026 at 09:00 Ann (Acme) <support@acme.example> wrote:', {
    html: 'cite',
  }),
  framed('Samsung Email', `${TALON} android`, `-------- Original message --------`, {
    reply: [
      '-------- Original message --------',
      `From: ${ANN} `,
      'Date: 30/11/2026  09:00  (GMT+01:00) ',
      `To: ${JANE} `,
      'Subject: [#1] Your order ',
    ],
    forward: [
      '-------- Original message --------',
      `From: ${ANN} `,
      'Date: 30/11/2026  09:00  (GMT+01:00) ',
      `To: ${JANE} `,
      'Subject: [#1] Your order ',
    ],
    sign: '',
    html: 'lines',
    device: 'Sent from my Galaxy',
  }),
  framed(
    'Yahoo Mail',
    `${CRISP} yahoo_*`,
    'On Monday, November 30, 2026 at 09:00:00 AM GMT+1, Ann (Acme) <support@acme.example> wrote:',
    {
      sign: '',
      html: 'yahoo',
      forward: ['----- Forwarded Message -----', ...FROM],
    },
  ),
  framed(
    'Yahoo Mail for Android',
    `${CRISP} yahoo_*`,
    'On Mon, Nov 30, 2026 at 9:00 AM, Ann (Acme)<support@acme.example> wrote:',
    {
      sign: '',
      html: 'yahoo',
      device: 'Sent from Yahoo Mail on Android',
      forward: ['----- Forwarded Message -----', ...FROM],
    },
  ),
  framed(
    'AOL Mail',
    'AOL, as Yahoo',
    'On Monday, November 30, 2026 at 09:00:00 AM GMT+1, Ann (Acme) <support@acme.example> wrote:',
    {
      sign: '',
      html: 'yahoo',
      forward: ['----- Forwarded Message -----', ...FROM],
    },
  ),
  framed(
    'Proton Mail',
    'ProtonMail/WebClients',
    'On Monday, November 30th, 2026 at 9:00 AM, Ann (Acme) <support@acme.example> wrote:',
    {
      html: 'proton',
      device: 'Sent with Proton Mail secure email.',
      forward: [
        '------- Forwarded Message -------',
        `From: ${ANN}`,
        'Date: On Monday, November 30th, 2026 at 9:00 AM',
        'Subject: [#1] Your order',
        `To: ${JANE}`,
      ],
    },
  ),
  framed(
    'Proton Mail for iOS',
    'ProtonMail/ios-mail',
    'On Mon, Nov 30, 2026 at 9:00 AM, Ann (Acme) <[support@acme.example](mailto:support@acme.example)> wrote:',
    {
      html: 'proton',
      device: 'Sent from Proton Mail for iOS',
    },
  ),
  framed('Tuta', 'tutao/tutanota', '30. Nov. 2026, 09:00 von support@acme.example:', {
    html: 'tuta',
    forward: ['-----------------', ...block('Von Datum An Betreff', { date: '30. Nov. 2026 09:00' })],
  }),
  framed('Fastmail', 'Fastmail help pages', 'On Mon, Nov 30, 2026, at 9:00 AM, Ann (Acme) wrote:', {
    forward: [
      '----- Original message -----',
      ...block('From To Subject Date', { date: JANE }).slice(0, 1),
      `To: ${JANE}`,
      'Subject: [#1] Your order',
      'Date: Monday, November 30, 2026 9:00 AM',
    ],
  }),
  framed('HEY', 'HEY help pages', 'On November 30, 2026, Ann (Acme) <support@acme.example> wrote:', { html: 'bare' }),
  framed(
    'Zoho Mail',
    `${CRISP}; zmail markup in ${TALON}`,
    '---- On Mon, 30 Nov 2026 09:00:00 +0100 Ann (Acme) <support@acme.example> wrote ---',
    {
      html: 'zoho',
      forward: [
        '============ Forwarded message ============',
        ...block('From To Date Subject', { date: JANE }).slice(0, 1),
        `To: ${JANE}`,
        'Date: Mon, 30 Nov 2026 09:00:00 +0100',
        'Subject: [#1] Your order',
        '============ Forwarded message ============',
      ],
    },
  ),
  framed(
    'Mail.ru',
    `${CRISP} mail_ru`,
    'Понедельник, 30 ноября 2026, 9:00 +03:00 от Ann (Acme) <support@acme.example>:',
    {
      html: 'bordered',
      sign: '>',
      forward: [
        '-------- Пересылаемое сообщение --------',
        `От кого: ${ANN}`,
        `Кому: ${JANE}`,
        'Дата: Понедельник, 30 ноября 2026, 9:00 +03:00',
        'Тема: [#1] Your order',
      ],
    },
  ),
  framed('Yandex Mail', 'Yandex Mail, corpus of talon', '30.11.2026, 09:00, "Ann (Acme)" <support@acme.example>:', {
    html: 'bare',
    forward: ['-------- Пересылаемое сообщение --------', '30.11.2026, 09:00, "Ann (Acme)" <support@acme.example>:'],
  }),
  framed('GMX', 'GMX web, mailgun/talon issues', 'Gesendet: Montag, 30. November 2026 um 09:00 Uhr', {
    reply: [
      'Gesendet: Montag, 30. November 2026 um 09:00 Uhr',
      `Von: ${ANN}`,
      `An: ${JANE}`,
      'Betreff: [#1] Your order',
    ],
    forward: [
      'Gesendet: Montag, 30. November 2026 um 09:00 Uhr',
      `Von: ${ANN}`,
      `An: ${JANE}`,
      'Betreff: [#1] Your order',
    ],
    sign: '',
    html: 'named',
  }),
  framed('WEB.DE', 'WEB.DE web, as GMX', 'Am 30.11.26 um 09:00 schrieb Ann (Acme)', {
    reply: ['Am 30.11.26 um 09:00 schrieb Ann (Acme) <support@acme.example>:'],
    forward: [
      'Gesendet: Montag, 30. November 2026 um 09:00 Uhr',
      `Von: ${ANN}`,
      `An: ${JANE}`,
      'Betreff: [#1] Your order',
    ],
    html: 'named',
  }),
  framed('T-Online', 'Telekom E-Mail Center', '-----Original-Nachricht-----', {
    reply: [
      '-----Original-Nachricht-----',
      'Betreff: [#1] Your order',
      'Datum: 2026-11-30T09:00:00+0100',
      'Von: "Ann (Acme)" <support@acme.example>',
      `An: "${JANE}" <${JANE}>`,
    ],
    forward: [
      '-----Original-Nachricht-----',
      'Betreff: [#1] Your order',
      'Datum: 2026-11-30T09:00:00+0100',
      'Von: "Ann (Acme)" <support@acme.example>',
      `An: "${JANE}" <${JANE}>`,
    ],
    sign: '',
    html: 'lines',
  }),
  framed('Roundcube', 'roundcube/roundcubemail', 'On 2026-11-30 09:00, Ann (Acme) wrote:', {
    html: 'roundcube',
    forward: [
      '-------- Original Message --------',
      'Subject: [#1] Your order',
      'Date: 2026-11-30 09:00',
      `From: ${ANN}`,
      `To: ${JANE}`,
    ],
    forwardHtml: 'lines',
  }),
  framed('Posteo', 'Posteo, a Roundcube', 'Am 30.11.2026 09:00 schrieb Ann (Acme):', {
    html: 'roundcube',
    forward: [
      '-------- Originalnachricht --------',
      'Betreff: [#1] Your order',
      'Datum: 30.11.2026 09:00',
      `Von: ${ANN}`,
      `An: ${JANE}`,
    ],
    forwardHtml: 'lines',
  }),
  framed('SOGo', 'Alinto/sogo', 'On Monday, November 30, 2026 09:00 CET, Ann (Acme) <support@acme.example> wrote:', {
    forwardHtml: 'lines',
    forward: [
      '-------- Original Message --------',
      'Subject: [#1] Your order',
      'Date: Monday, November 30, 2026 09:00 CET',
      `From: ${ANN}`,
      `To: ${JANE}`,
    ],
  }),
  framed('Zimbra', 'Zimbra/zm-web-client', '----- Original Message -----', {
    reply: [`From: ${ANN}`, `To: ${JANE}`, 'Sent: Monday, 30 November, 2026 09:00:00', 'Subject: [#1] Your order'],
    forward: [
      '----- Forwarded Message -----',
      `From: ${ANN}`,
      `To: ${JANE}`,
      'Sent: Monday, 30 November, 2026 09:00:00',
      'Subject: [#1] Your order',
    ],
    sign: '> ',
    html: 'zimbra',
  }),
  framed('Horde IMP', 'horde/imp', 'Quoting "Ann (Acme)" <support@acme.example>:', {
    forward: [
      '----- Forwarded message from Ann (Acme) <support@acme.example> -----',
      'Date: Mon, 30 Nov 2026 09:00:00 +0100',
      `From: ${ANN}`,
      'Subject: [#1] Your order',
      `To: ${JANE}`,
    ],
    forwardHtml: 'lines',
  }),
  framed(
    'SnappyMail',
    'the-djmaze/snappymail',
    'On Mon, Nov 30, 2026 at 9:00 AM "Ann (Acme)" <support@acme.example> wrote:',
    { html: 'cite' },
  ),
  framed('Nextcloud Mail', 'nextcloud/mail', '"Ann (Acme)" <support@acme.example> – 30 November 2026 09:00', {
    html: 'cite',
  }),
  framed('Evolution', 'GNOME/evolution', 'On Mon, 2026-11-30 at 09:00 +0100, Ann (Acme) wrote:', {
    forward: [
      '-------- Forwarded Message --------',
      `From: ${ANN}`,
      `To: ${JANE}`,
      'Subject: [#1] Your order',
      'Date: Mon, 30 Nov 2026 09:00:00 +0100',
    ],
    forwardHtml: 'lines',
  }),
  framed(
    'KMail',
    'KDE/messagelib',
    'On Monday, 30 November 2026 09:00:00 Central European Standard Time Ann (Acme) wrote:',
    {
      html: null,
      forward: [
        '----------  Forwarded Message  ----------',
        '',
        'Subject: [#1] Your order',
        'Date: Monday, 30 November 2026, 09:00:00 CET',
        `From: ${ANN}`,
        `To: ${JANE}`,
      ],
    },
  ),
  framed('Geary', 'GNOME/geary', 'On Mon, Nov 30 2026 at 09:00:00 AM +0100, Ann (Acme) <support@acme.example> wrote:', {
    forward: ['---------- Forwarded message ----------', ...FROM],
    forwardHtml: 'lines',
  }),
  framed('Claws Mail', 'Claws Mail manual', 'On Mon, 30 Nov 2026 09:00:00 +0100', {
    reply: ['On Mon, 30 Nov 2026 09:00:00 +0100', 'Ann (Acme) <support@acme.example> wrote:'],
    html: null,
    forward: [
      'Begin forwarded message:',
      '',
      'Date: Mon, 30 Nov 2026 09:00:00 +0100',
      `From: ${ANN}`,
      `To: ${JANE}`,
      'Subject: [#1] Your order',
    ],
  }),
  framed('Sylpheed', 'Sylpheed manual', 'On Mon, 30 Nov 2026 09:00:00 +0100', {
    reply: ['On Mon, 30 Nov 2026 09:00:00 +0100', 'Ann (Acme) <support@acme.example> wrote:'],
    html: null,
    forward: [
      'Begin forwarded message:',
      '',
      'Date: Mon, 30 Nov 2026 09:00:00 +0100',
      `From: ${ANN}`,
      `To: ${JANE}`,
      'Subject: [#1] Your order',
    ],
  }),
  framed('Mutt', 'mutt manual, attribution', 'On Mon, Nov 30, 2026 at 09:00:00AM +0100, Ann (Acme) wrote:', {
    html: null,
    forward: [
      '----- Forwarded message from Ann (Acme) <support@acme.example> -----',
      '',
      'Date: Mon, 30 Nov 2026 09:00:00 +0100',
      `From: ${ANN}`,
      `To: ${JANE}`,
      'Subject: [#1] Your order',
    ],
  }),
  framed('Alpine', 'Alpine reply-leadin', 'On Mon, 30 Nov 2026, Ann (Acme) wrote:', {
    html: null,
    forward: [
      '---------- Forwarded message ----------',
      'Date: Mon, 30 Nov 2026 09:00:00',
      `From: ${ANN}`,
      `To: ${JANE}`,
      'Subject: [#1] Your order',
    ],
  }),
  framed('aerc', 'aerc templates', 'On Mon Nov 30, 2026 at 9:00 AM CET, Ann (Acme) wrote:', {
    html: null,
    forward: ['Forwarded message from Ann (Acme) on Mon Nov 30, 2026 at 9:00 AM:', ''],
  }),
  framed(
    'Mailspring',
    'Foundry376/Mailspring',
    'On Nov 30 2026, at 9:00 am, Ann (Acme) <support@acme.example> wrote:',
    {
      html: 'gmail',
      device: 'Sent from Mailspring (https://getmailspring.com/), the best free email app for work',
      forward: ['---------- Forwarded Message ---------', ...FROM],
      forwardHtml: 'gmailForward',
    },
  ),
  framed('eM Client', 'eM Client help pages', '------ Original Message ------', {
    reply: [
      '------ Original Message ------',
      'From "Ann (Acme)" <support@acme.example>',
      `To "${JANE}" <${JANE}>`,
      'Date 30/11/2026 09:00:00',
      'Subject [#1] Your order',
    ],
    forward: [
      '------ Forwarded Message ------',
      'From "Ann (Acme)" <support@acme.example>',
      `To "${JANE}" <${JANE}>`,
      'Date 30/11/2026 09:00:00',
      'Subject [#1] Your order',
    ],
    sign: '',
    html: 'lines',
  }),
  framed('Mailbird', 'Mailbird help pages', 'On 30/11/2026 09:00:00, Ann (Acme) <support@acme.example> wrote:', {
    html: 'cite',
    device: 'Sent from Mailbird [https://www.getmailbird.com/]',
  }),
  framed(
    'Spark',
    `${TALON} sparrow; Readdle help pages`,
    'On 30 Nov 2026 at 09:00 +0100, Ann (Acme) <support@acme.example>, wrote:',
    { html: 'spark', device: 'Sent with Spark', forward: ['---------- Forwarded message ----------', ...FROM] },
  ),
  framed('Airmail', 'Airmail help pages', 'On 30 November 2026 at 09:00:00, Ann (Acme) (support@acme.example) wrote:', {
    html: 'airmail',
    forward: ['Begin forwarded message:', '', ...FROM],
  }),
  framed('BlueMail', 'BlueMail help pages', 'On 30 Nov 2026, at 09:00, "Ann (Acme)" <support@acme.example> wrote:', {
    html: 'gmail',
    device: 'Get BlueMail for Android',
    forward: ['-------- Original Message --------', ...FROM],
    forwardHtml: 'lines',
  }),
  framed('The Bat!', 'ritlabs.com, default templates', 'Monday, November 30, 2026, 9:00:00 AM, you wrote:', {
    html: null,
    forward: ['This is a forwarded message', ...FROM],
  }),
  framed(
    'HCL Notes',
    'Lotus Notes, seen in list archives',
    'Ann (Acme) <support@acme.example> wrote on 30/11/2026 09:00:00:',
    {
      sign: '> ',
      html: null,
      forward: [
        '----- Forwarded by Jane Doe/Client on 30/11/2026 09:00 -----',
        '',
        'From: Ann (Acme) <support@acme.example>',
        `To: ${JANE}`,
        'Date: 30/11/2026 09:00',
        'Subject: [#1] Your order',
      ],
    },
  ),
  framed('GroupWise', 'Micro Focus GroupWise guides', '>>> "Ann (Acme)" <support@acme.example> 30/11/2026 09:00 >>>', {
    sign: '',
    html: 'lines',
    forward: ['>>> "Ann (Acme)" <support@acme.example> 30/11/2026 09:00 >>>'],
  }),
  framed('QQ Mail', 'QQ Mail, seen in list archives', '------------------ Original ------------------', {
    reply: [
      '------------------ Original ------------------',
      'From: "Ann (Acme)"<support@acme.example>;',
      'Date: Mon, Nov 30, 2026 09:00 AM',
      `To: "Jane"<${JANE}>;`,
      'Subject: [#1] Your order',
    ],
    forward: [
      '------------------ Original ------------------',
      'From: "Ann (Acme)"<support@acme.example>;',
      'Date: Mon, Nov 30, 2026 09:00 AM',
      `To: "Jane"<${JANE}>;`,
      'Subject: [#1] Your order',
    ],
    sign: '',
    html: 'grey',
  }),
  framed(
    'NetEase 163',
    'NetEase, seen in list archives',
    '在 2026-11-30 09:00:00，"Ann (Acme)" <support@acme.example> 写道：',
    {
      html: 'netease',
      sign: '>',
      forward: [
        '-------- 转发邮件信息 --------',
        '发件人："Ann (Acme)" <support@acme.example>',
        '发送日期：2026-11-30 09:00:00',
        `收件人：${JANE}`,
        '主题：[#1] Your order',
      ],
      forwardHtml: 'lines',
    },
  ),
  framed('Foxmail', 'Foxmail, seen in list archives', '发件人： Ann (Acme)', {
    reply: ['发件人： Ann (Acme)', '发送时间： 2026-11-30 09:00', `收件人： ${JANE}`, '主题： [#1] Your order'],
    forward: ['发件人： Ann (Acme)', '发送时间： 2026-11-30 09:00', `收件人： ${JANE}`, '主题： [#1] Your order'],
    sign: '',
    html: 'foxmail',
  }),
  framed('Naver', 'Naver, seen in list archives', '-----Original Message-----', {
    reply: [
      '-----Original Message-----',
      'From: "Ann (Acme)"<support@acme.example>',
      `To: <${JANE}>; `,
      'Cc:',
      'Sent: 2026-11-30 (월) 09:00:00 (GMT+09:00)',
      'Subject: [#1] Your order',
    ],
    forward: [
      '-----Original Message-----',
      'From: "Ann (Acme)"<support@acme.example>',
      `To: <${JANE}>; `,
      'Cc:',
      'Sent: 2026-11-30 (월) 09:00:00 (GMT+09:00)',
      'Subject: [#1] Your order',
    ],
    sign: '',
    html: 'lines',
  }),
  framed(
    'Open-Xchange',
    'open-xchange/appsuite-frontend',
    'On 30/11/2026 09:00 CET Ann (Acme) <support@acme.example> wrote:',
    {
      forward: [
        '---------- Original Message ----------',
        `From: ${ANN}`,
        `To: ${JANE}`,
        'Date: 30/11/2026 09:00 CET',
        'Subject: [#1] Your order',
      ],
    },
  ),
  framed('Seznam', 'Seznam Email, seen in list archives', '---------- Původní e-mail ----------', {
    reply: [
      '---------- Původní e-mail ----------',
      `Od: ${ANN}`,
      `Komu: ${JANE}`,
      'Datum: 30. 11. 2026 9:00:00',
      'Předmět: [#1] Your order',
    ],
    forward: [
      '---------- Původní e-mail ----------',
      `Od: ${ANN}`,
      `Komu: ${JANE}`,
      'Datum: 30. 11. 2026 9:00:00',
      'Předmět: [#1] Your order',
    ],
    html: 'bordered',
  }),
  framed(
    'Onet Poczta',
    'Onet, seen in list archives',
    'W dniu 2026-11-30 09:00:00 użytkownik Ann (Acme) <support@acme.example> napisał:',
    { html: 'bordered' },
  ),
];
