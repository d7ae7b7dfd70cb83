/**
 * Mail programs in use, with what each writes when somebody replies or forwards: its line or header block, the shape
 * around the quoted mail in text and HTML, its device line, in the language of most of its users. `source` names what
 * was opened in public, and its lines compared with these: a program's own source, fixtures of parsers, mails on lists,
 * threads. Where it says "reply" or "forward", the other one is written from memory. The words here are ours, and
 * nothing is taken from the tables in `src`.
 */
import type { SHAPES } from './shapes.js';

export interface Client {
  readonly name: string;
  readonly source: string;
  /** The lines above the quoted mail of a reply, and of a forward. `<>` holds an address. */
  readonly reply: readonly string[];
  readonly forward: readonly string[];
  /** What stands in front of each quoted line of a text part; '' for none; null where no text part has lines. */
  readonly sign: string | null;
  readonly html: keyof typeof SHAPES | null;
  /** In front of each line of a forward's text part, where it is quoted; else nothing. */
  readonly forwardSign?: string;
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
const DE = [`De : ${ANN}`, 'Envoyé : lundi 30 novembre 2026 09:00', `À : ${JANE} <${JANE}>`, 'Objet : [#1] Your order'];
const ODPOVED = [
  '---------- Původní e-mail ----------',
  `Od: ${ANN}`,
  `Komu: ${JANE}`,
  'Datum: 30. 11. 2026 9:00:00',
  'Předmět: [#1] Your order',
];
const GMAIL = `---------- Forwarded message ---------`;
type More = Partial<Client> & Pick<Client, 'source'>;

/** Gmail and the programs that write its lines. */
const gmail = (name: string, attribution: string, more: More): Client => ({
  name,
  reply: [attribution],
  forward: [GMAIL, `From: ${ANN}`, 'Date: Mon, Nov 30, 2026 at 9:00 AM', 'Subject: [#1] Your order', `To: <${JANE}>`],
  sign: '> ',
  html: 'gmail',
  forwardHtml: 'gmailForward',
  ...more,
});

const apple = (name: string, attribution: string, more: More): Client => ({
  name,
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

const outlook = (name: string, html: Client['html'], more: More): Client => ({
  name,
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
  gmail('Gmail on the web', `${DAY} ${ANN} wrote:`, { source: 'redteam-project/sckg#25 (reply)' }),
  gmail('Gmail for Android', `On Mon, 30 Nov 2026, 09:00 Ann (Acme), <support@acme.example> wrote:`, {
    source: 'isaacs/github#21 (reply, in American English)',
  }),
  gmail('Gmail, German', `Am Mo., 30. Nov. 2026 um 09:00 Uhr schrieb ${ANN}:`, {
    source: 'crisp-oss/email-forward-parser test/fixtures/gmail_de_body.txt',
    forward: [
      GMAIL,
      `Von: ${ANN}`,
      'Date: Mo., 30. Nov. 2026 um 09:00 Uhr',
      'Subject: [#1] Your order',
      `To: <${JANE}>`,
    ],
  }),
  gmail('Gmail, French', `Le lun. 30 nov. 2026 à 09:00, ${ANN} a écrit :`, {
    source:
      'crisp-oss/email-reply-parser test/fixtures/email_fr_multiline.txt, crisp-oss/email-forward-parser test/fixtures/gmail_fr_body.txt',
    forward: [GMAIL, `De : ${ANN}`, 'Date: lun. 30 nov. 2026 à 09:00', 'Subject: [#1] Your order', `To: <${JANE}>`],
  }),
  gmail('Gmail, Japanese', `2026年11月30日(月) 9:00 ${ANN}:`, {
    source: 'alfonsrv/mail-parser-reply test/emails/email_ja_1_2.txt (reply)',
  }),
  gmail('Gmail, Chinese', `${ANN} 于2026年11月30日周一 09:00写道：`, { source: 'linux-btrfs of October 2024 (reply)' }),
  gmail('Gmail, Polish', `pon., 30 lis 2026 o 09:00 ${ANN} napisał(a):`, { source: 'netdev of December 2020 (reply)' }),
  gmail('Gmail for Android, Polish', `pon., 30 lis 2026, 09:00 użytkownik ${ANN} napisał:`, {
    source: 'xen-devel of 2022-09-16 (reply)',
  }),
  gmail('Superhuman', `On Mon, Nov 30, 2026 at 9:00 AM, Ann (Acme) < support@acme.example > wrote:`, {
    source: 'cake of 2025-04-01 (reply)',
    html: 'superhuman',
    device: 'Sent via Superhuman ( https://sprh.mn/?vip=jane@client.example )',
  }),
  // Its line stands within the quote.
  apple('Apple Mail for macOS', `> ${SHORT}, Ann (Acme) <support@acme.example> wrote:`, {
    source:
      'mailgun/talon tests/fixtures/standard_replies/apple_mail_2.eml, crisp-oss/email-forward-parser test/fixtures/apple_mail_en_body_variant_2.txt',
  }),
  apple('Apple Mail for iOS', `On Nov 30, 2026, at 9:00 AM, Ann (Acme) <support@acme.example> wrote:`, {
    source: 'mailgun/talon tests/fixtures/standard_replies/iphone.eml',
    device: 'Sent from my iPhone',
  }),
  apple('Apple Mail, German', `> Am 30.11.2026 um 09:00 schrieb Ann (Acme) <support@acme.example>:`, {
    source:
      'linux-kernel of 2021-01-04 (reply), crisp-oss/email-forward-parser test/fixtures/apple_mail_de_body.txt (in quote signs there)',
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
  apple('Apple Mail, Japanese', `> 2026/11/30 9:00、Ann (Acme) <support@acme.example>のメール:`, {
    source: 'linux-media of August 2022 (reply)',
    forward: [
      '転送されたメッセージ:',
      '',
      `差出人: ${ANN}`,
      '件名: [#1] Your order',
      '日付: 2026年11月30日 9:00:00 JST',
      `宛先: ${JANE}`,
    ],
  }),
  // Its text part has all of the mail in one line.
  apple('iCloud Mail on the web', `On Nov 30, 2026, at 9:00 AM, Ann (Acme) <support@acme.example> wrote:`, {
    source: 'usrp-users of 2024-02-17, linux-kernel of 2025-12-19 (replies)',
    sign: null,
  }),
  apple('MailMate', `On 30 Nov 2026, at 9:00, Ann (Acme) wrote:`, {
    source: 'crisp-oss/email-forward-parser test/fixtures/mailmate_en_body.txt',
    forwardSign: '> ',
    html: null,
    forward: [
      'Forwarded message:',
      '',
      `> From: ${ANN}`,
      `> To: ${JANE}`,
      '> Subject: [#1] Your order',
      '> Date: Mon, 30 Nov 2026 08:00:00 +0000',
      '>',
    ],
  }),
  outlook('Outlook for Windows', 'wordBorder', {
    source: 'mailgun/talon tests/fixtures/standard_replies/outlook.eml',
    reply: FROM,
    forward: FROM,
  }),
  outlook('Outlook for Windows, German', 'wordBorder', {
    source: 'crisp-oss/email-reply-parser test/fixtures/email_german_2.txt (reply)',
    reply: VON,
    forward: VON,
  }),
  outlook('Outlook on the web', 'outlookWeb', {
    source:
      'crisp-oss/email-reply-parser test/fixtures/email_msn.txt, crisp-oss/email-forward-parser test/fixtures/outlook_live_body.txt',
  }),
  outlook('Outlook on the web, German', 'outlookWeb', {
    source: 'usrp-users of 2019-12-11 (reply)',
    reply: ['________________________________', ...VON],
    forward: ['________________________________', ...VON],
  }),
  outlook('Outlook on the web, French', 'outlookWeb', {
    source: 'nouveau of 2020-02-03 (reply)',
    reply: ['________________________________', ...DE],
    forward: ['________________________________', ...DE],
  }),
  outlook('Outlook for iOS', 'outlookMobile', {
    source: 'RadeonOpenCompute/ROCm#201',
    device: 'Get Outlook for iOS<https://aka.ms/o0ukef>',
  }),
  outlook('Outlook for iOS, Spanish', 'outlookMobile', {
    source: 'openwrt-devel of 2019-09-02 (reply)',
    reply: [
      '________________________________',
      ...block('De Enviado Para Asunto', { date: 'lunes, noviembre 30, 2026 9:00 a. m.' }),
    ],
    forward: [
      '________________________________',
      ...block('De Enviado Para Asunto', { date: 'lunes, noviembre 30, 2026 9:00 a. m.' }),
    ],
  }),
  outlook('Outlook for Android', 'outlookMobile', {
    source: 'amd-gfx of June 2024 (reply), crisp-oss/email-reply-parser test/fixtures/email_android_outlook_en.txt',
    device: 'Get Outlook for Android<https://aka.ms/AAb9ysg>',
  }),
  outlook('Outlook for Mac', 'outlookMac', {
    source: 'crisp-oss/email-forward-parser test/fixtures/new_outlook_2019_en_body.txt',
    reply: block('From Date To Subject', { date: 'Monday, 30 November 2026 at 09:00' }),
    forward: block('From Date To Subject', { date: 'Monday, 30 November 2026 at 09:00' }),
  }),
  outlook('Windows Mail', 'windowsMail', {
    source: 'mailgun/talon tests/fixtures/html_replies/windows_mail.html',
    reply: FROM,
    forward: FROM,
    device: 'Sent from Mail for Windows',
  }),
  framed(
    'Thunderbird',
    'mailgun/talon tests/fixtures/standard_replies/thunderbird.eml, crisp-oss/email-forward-parser test/fixtures/thunderbird_en_body.txt',
    'On 30/11/2026 09:00, Ann (Acme) wrote:',
    { html: 'thunderbird', forwardHtml: 'thunderbirdForward' },
  ),
  framed(
    'Thunderbird, French',
    'netdev of 2023-11-03 (reply), crisp-oss/email-forward-parser test/fixtures/thunderbird_fr_body.txt',
    'Le 30/11/2026 à 09:00, Ann (Acme) a écrit :',
    {
      html: 'thunderbird',
      forwardHtml: 'thunderbirdForward',
      forward: [
        '-------- Message transféré --------',
        'Sujet : [#1] Your order',
        'Date : Mon, 30 Nov 2026 09:00:00 +0100',
        `De : ${ANN}`,
        `Pour : ${JANE}`,
      ],
    },
  ),
  framed('Betterbird', 'linux-kernel of 2025-05-02 (reply)', 'On 30/11/26 09:00, Ann (Acme) wrote:', {
    html: 'thunderbird',
    forwardHtml: 'thunderbirdForward',
  }),
  framed(
    'Thunderbird for Android',
    'linux-acpi of March 2025 (reply)',
    'On 30 November 2026 09:00:00 CET, "Ann (Acme)" <support@acme.example> wrote:',
    {
      sign: '>',
      html: 'gmail',
      device: 'Sent from my Android device with K-9 Mail. Please excuse my brevity.',
      forward: ['-------- Original Message --------', ...FROM],
      forwardHtml: 'gmailForward',
    },
  ),
  framed(
    'FairEmail',
    'M66B/FairEmail app/src/main/java/eu/faircode/email/EntityMessage.java (reply)',
    'Nov 30, 2026, 9:00:00 AM Ann (Acme) <support@acme.example>:',
  ),
  framed('Samsung Email', 'oss-security of 2024-03-30', `-------- Original message --------`, {
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
    'crisp-oss/email-forward-parser test/fixtures/yahoo_en_body.txt (forward)',
    'On Monday, November 30, 2026 at 09:00:00 AM GMT+1, Ann (Acme) <support@acme.example> wrote:',
    {
      sign: '',
      html: 'yahoo',
      forward: ['----- Forwarded Message -----', ...FROM],
    },
  ),
  framed(
    'Yahoo Mail for Android',
    'xen-devel of September 2020; it puts the first quoted line behind its own',
    'On Mon, Nov 30, 2026 at 9:00 AM, Ann (Acme)<support@acme.example> wrote:',
    {
      sign: '',
      html: 'yahoo',
      device: 'Sent from Yahoo Mail on Android',
      forward: ['----- Forwarded Message -----', ...FROM],
    },
  ),
  framed('AOL Mail', 'linux-renesas-soc of 2019-12-17 (reply)', '-----Original Message-----', {
    reply: [
      '-----Original Message-----',
      `From: ${ANN}`,
      `To: ${JANE}`,
      'Sent: Mon, Nov 30, 2026 9:00 am',
      'Subject: [#1] Your order',
    ],
    sign: '',
    html: 'lines',
    forward: ['----- Forwarded Message -----', ...FROM],
  }),
  framed(
    'Proton Mail',
    'ProtonMail/WebClients applications/mail/src/app/helpers/message/messageDraft.ts',
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
    'its mails on public lists of 2026 (batman-adv, git)',
    '-------- Original Message --------',
    {
      // The quote has no signs.
      reply: [
        '-------- Original Message --------',
        'On Monday, 11/30/26 at 09:00 Ann (Acme) <support@acme.example> wrote:',
      ],
      sign: '',
      html: 'proton',
      device: 'Sent from Proton Mail for iOS.',
    },
  ),
  framed('Tuta', 'tutao/tutanota, the mail viewer', '30. Nov. 2026, 09:00 von support@acme.example:', {
    html: 'tuta',
    forward: ['-----------------', ...block('Von Datum An Betreff', { date: '30. Nov. 2026 09:00' })],
  }),
  framed('Fastmail', 'dri-devel of 2019-07-25 (reply)', 'On Mon, 30 Nov 2026, at 09:00, Ann (Acme) wrote:', {
    forward: [
      '----- Original message -----',
      ...block('From To Subject Date', { date: JANE }).slice(0, 1),
      `To: ${JANE}`,
      'Subject: [#1] Your order',
      'Date: Monday, November 30, 2026 9:00 AM',
    ],
  }),
  framed(
    'Zoho Mail',
    'linux-ext4 of January 2026 (reply)',
    ' ---- On Mon, 30 Nov 2026 09:00:00 +0100  Ann (Acme) <support@acme.example> wrote --- ',
    {
      html: 'zoho',
      sign: ' > ',
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
    'mailgun/talon tests/fixtures/html_replies/mail_ru.html',
    'Mon, 30 Nov 2026 09:00:00 +0300 от Ann (Acme) <support@acme.example>:',
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
  framed('Yandex Mail', 'git of June 2018 (reply)', '30.11.2026, 09:00, "Ann (Acme)" <support@acme.example>:', {
    html: 'bare',
    forward: ['-------- Пересылаемое сообщение --------', '30.11.2026, 09:00, "Ann (Acme)" <support@acme.example>:'],
  }),
  // The fields are quoted in text.
  framed('GMX', 'linux-wireless of 2024-10-09 (reply)', '> Gesendet: Montag, 30. November 2026 um 09:00 Uhr', {
    reply: [
      '> Gesendet: Montag, 30. November 2026 um 09:00 Uhr',
      '> Von: "Ann (Acme)" <support@acme.example>',
      '> Betreff: [#1] Your order',
    ],
    forward: [
      'Gesendet: Montag, 30. November 2026 um 09:00 Uhr',
      `Von: ${ANN}`,
      `An: ${JANE}`,
      'Betreff: [#1] Your order',
    ],
    html: 'named',
  }),
  framed('WEB.DE', 'linux-btrfs of 2021-03-30 (reply)', '> Gesendet: Montag, 30. November 2026 um 09:00 Uhr', {
    reply: [
      '> Gesendet: Montag, 30. November 2026 um 09:00 Uhr',
      '> Von: "Ann (Acme)" <support@acme.example>',
      `> An: "Jane" <${JANE}>`,
      '> Betreff: [#1] Your order',
    ],
    forward: [
      'Gesendet: Montag, 30. November 2026 um 09:00 Uhr',
      `Von: ${ANN}`,
      `An: ${JANE}`,
      'Betreff: [#1] Your order',
    ],
    html: 'named',
  }),
  framed(
    'T-Online',
    'a test in public code that calls it "Telekom webmail"; its repository is not known',
    '-----Original-Nachricht-----',
    {
      reply: [
        '-----Original-Nachricht-----',
        'Betreff: [#1] Your order',
        'Datum: 2026-11-30T09:00:00+0100',
        'Von: "Ann (Acme)" <support@acme.example>',
        `An: ${JANE}`,
      ],
      forward: [
        '-----Original-Nachricht-----',
        'Betreff: [#1] Your order',
        'Datum: 2026-11-30T09:00:00+0100',
        'Von: "Ann (Acme)" <support@acme.example>',
        `An: ${JANE}`,
      ],
      sign: '',
      html: 'lines',
    },
  ),
  framed('Roundcube', 'netdev of 2021-03-04 (reply)', 'On 2026-11-30 09:00, Ann (Acme) wrote:', {
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
  framed('Posteo', 'linux-raid of 2020-12-01 (reply)', 'Am 30.11.2026 09:00 schrieb Ann (Acme):', {
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
  framed(
    'SOGo',
    'Alinto/sogo SoObjects/Mailer/SOGoMailEnglishReply.wo and SOGoMailEnglishForward.wo',
    'On Monday, November 30, 2026 09:00 CET, Ann (Acme) <support@acme.example> wrote:',
    {
      forwardHtml: 'lines',
      forward: [
        '-------- Original Message --------',
        'Subject: [#1] Your order',
        'Date: Monday, November 30, 2026 09:00 CET',
        `From: ${ANN}`,
        `To: ${JANE}`,
      ],
    },
  ),
  framed('Zimbra', 'linux-wireless of February 2023 (reply, in German)', '----- Original Message -----', {
    reply: [
      '----- Original Message -----',
      `> From: ${ANN}`,
      `> To: ${JANE}`,
      '> Sent: Monday, 30 November, 2026 09:00:00',
      '> Subject: [#1] Your order',
    ],
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
  framed(
    'Horde IMP',
    'git of March 2015, linux-kernel of September 2006 (reply)',
    'Quoting "Ann (Acme)" <support@acme.example>:',
    {
      forward: [
        '----- Forwarded message from Ann (Acme) <support@acme.example> -----',
        'Date: Mon, 30 Nov 2026 09:00:00 +0100',
        `From: ${ANN}`,
        'Subject: [#1] Your order',
        `To: ${JANE}`,
      ],
      forwardHtml: 'lines',
    },
  ),
  framed(
    'SnappyMail',
    'the-djmaze/snappymail app/localization/en/user.json',
    'November 30, 2026 9:00 AM, "Ann (Acme)" <support@acme.example> wrote:',
    {
      html: 'cite',
      forward: [
        '-------- Forwarded message -------',
        `From: ${ANN}`,
        `To: ${JANE}`,
        'Sent: November 30, 2026 9:00 AM',
        'Subject: [#1] Your order',
      ],
    },
  ),
  framed(
    'Nextcloud Mail',
    'nextcloud/mail src/ReplyBuilder.js',
    '"Ann (Acme)" support@acme.example – November 30, 2026 9:00 AM',
    { html: 'nextcloud' },
  ),
  framed(
    'Evolution',
    'GNOME/evolution src/mail/em-composer-utils.c',
    'On Mon, 2026-11-30 at 09:00 +0100, Ann (Acme) wrote:',
    {
      forward: [
        '-------- Forwarded Message --------',
        `From: ${ANN}`,
        `To: ${JANE}`,
        'Subject: [#1] Your order',
        'Date: Mon, 30 Nov 2026 09:00:00 +0100',
      ],
      forwardHtml: 'lines',
    },
  ),
  framed(
    'KMail',
    'KDE/messagelib templateparser/src/defaulttemplates.cpp',
    'On Monday, 30 November 2026 09:00:00 Central European Standard Time you wrote:',
    {
      html: null,
      forward: [
        '----------  Forwarded Message  ----------',
        '',
        'Subject: [#1] Your order',
        'Date: Monday, 30 November 2026, 09:00:00 CET',
        'From: support@acme.example',
        `To: ${JANE}`,
      ],
    },
  ),
  framed(
    'Geary',
    'GNOME/geary src/engine/rfc822/rfc822-utils.vala',
    'On Mon, Nov 30 2026 at 09:00:00 AM +0100, Ann (Acme) <support@acme.example> wrote:',
    {
      forward: ['---------- Forwarded message ----------', ...FROM],
      forwardHtml: 'lines',
    },
  ),
  framed('Claws Mail', 'linux-kernel of 2006-12-14 (reply)', 'On Mon, 30 Nov 2026 09:00:00 +0100', {
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
  framed('Sylpheed', 'linux-kselftest of May 2025 (reply)', 'On Mon, 30 Nov 2026 09:00:00 +0100', {
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
  framed(
    'Mutt',
    'muttmua/mutt send.c, NeoMutt manual (forward_attribution_intro)',
    'On Mon, Nov 30, 2026 at 09:00:00AM +0100, Ann (Acme) wrote:',
    {
      html: null,
      forward: [
        '----- Forwarded message from Ann (Acme) <support@acme.example> -----',
        '',
        'Date: Mon, 30 Nov 2026 09:00:00 +0100',
        `From: ${ANN}`,
        `To: ${JANE}`,
        'Subject: [#1] Your order',
      ],
    },
  ),
  framed('Alpine', 'stable of 2019-08-20 (reply)', 'On Mon, 30 Nov 2026, Ann (Acme) wrote:', {
    html: null,
    forward: [
      '---------- Forwarded message ----------',
      'Date: Mon, 30 Nov 2026 09:00:00',
      `From: ${ANN}`,
      `To: ${JANE}`,
      'Subject: [#1] Your order',
    ],
  }),
  framed('Gnus', 'git of 2024-07-08 and 2026-09-30 (replies)', 'Ann (Acme) <support@acme.example> writes:', {
    reply: ['Ann (Acme) <support@acme.example> writes:', ''],
    html: null,
    forward: [
      '-------------------- Start of forwarded message --------------------',
      `From: ${ANN}`,
      'Subject: [#1] Your order',
      `To: ${JANE}`,
      'Date: Mon, 30 Nov 2026 09:00:00 +0100',
    ],
  }),
  framed(
    'aerc',
    'rjarry/aerc templates/quoted_reply and forward_as_body',
    'On Mon Nov 30, 2026 at 9:00 AM CET, Ann (Acme) wrote:',
    {
      html: null,
      forward: ['Forwarded message from Ann (Acme) on Mon Nov 30, 2026 at 9:00 AM:', ''],
    },
  ),
  framed(
    'Mailspring',
    'Foundry376/Mailspring app/src/flux/stores/draft-factory.ts',
    'On Nov 30 2026, at 9:00 am, Ann (Acme) <support@acme.example> wrote:',
    {
      html: 'mailspring',
      device: 'Sent from Mailspring (https://getmailspring.com/), the best free email app for work',
      forward: [
        '---------- Forwarded Message ---------',
        '',
        `From: ${ANN}`,
        'Subject: [#1] Your order',
        'Date: Nov 30 2026, at 9:00 am',
        `To: ${JANE}`,
      ],
      forwardHtml: 'gmailForward',
    },
  ),
  framed(
    'eM Client, text',
    'linux-kernel of 2022-12-08 (reply)',
    'On 2026/11/30 09:00:00, "Ann (Acme)" <support@acme.example> wrote:',
    { sign: '>', html: null },
  ),
  framed('eM Client', 'usrp-users of 2025-09-29 (reply)', '------ Original Message ------', {
    reply: [
      '------ Original Message ------',
      'From "Ann (Acme)" <support@acme.example>',
      `To "Jane" <${JANE}>`,
      'Date 30/11/2026 09:00:00',
      'Subject [#1] Your order',
    ],
    forward: [
      '------ Forwarded Message ------',
      'From "Ann (Acme)" <support@acme.example>',
      `To "Jane" <${JANE}>`,
      'Date 30/11/2026 09:00:00',
      'Subject [#1] Your order',
    ],
    sign: '>',
    forwardHtml: 'lines',
  }),
  framed(
    'Mailbird',
    'usrp-users of April 2023 (reply)',
    'On 11/30/2026 9:00:00 AM, Ann (Acme) <support@acme.example> wrote:',
    { sign: '', html: 'mailbird', device: 'Sent from Mailbird [https://www.getmailbird.com/]', forwardHtml: 'lines' },
  ),
  framed(
    'Spark',
    'its mails on qemu-devel of September 2020',
    'On 30 Nov 2026 at 09:00 +0100, Ann (Acme) <support@acme.example>, wrote:',
    { html: 'spark', device: 'Sent with Spark', forward: ['---------- Forwarded message ----------', ...FROM] },
  ),
  framed(
    'Airmail',
    'its mails on public security lists of September 2017',
    'On 30 November 2026 at 09:00:00, Ann (Acme) (support@acme.example) wrote:',
    {
      html: 'airmail',
      forward: ['Begin forwarded message:', '', ...FROM],
    },
  ),
  framed(
    'BlueMail',
    'espruino/BangleApps#3513',
    'On 30 Nov 2026, at 09:00, "Ann (Acme)" <support@acme.example> wrote:',
    {
      html: 'gmail',
      device: 'Get BlueMail for Android',
      forward: ['-------- Original Message --------', ...FROM],
      forwardHtml: 'lines',
    },
  ),
  framed('The Bat!', 'linux-kernel of 2002-07-09 (reply)', 'Monday, November 30, 2026, 9:00:00 AM, you wrote:', {
    sign: 'AA> ',
    html: null,
    forward: ['This is a forwarded message', ...FROM],
  }),
  framed(
    'HCL Notes',
    'linux-kernel of 2006-05-03 (reply), KohoVolit/NapisteJim#26 (forward, in Czech)',
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
  framed(
    'GroupWise, text',
    'xen-devel of 2019-05-20 (reply)',
    '>>> On 30.11.26 at 09:00, <support@acme.example> wrote:',
    {
      html: null,
    },
  ),
  framed(
    'GroupWise',
    'linux-mips of 2003-04-25 (reply)',
    '>>> Ann (Acme) <support@acme.example> 11/30/26 09:00 AM >>>',
    {
      sign: '',
      html: 'lines',
      forward: ['>>> Ann (Acme) <support@acme.example> 11/30/26 09:00 AM >>>'],
    },
  ),
  framed('QQ Mail for phones', 'ltp of 2020-04-20 (reply)', '---Original---', {
    reply: [
      '---Original---',
      'From: "Ann (Acme)"<support@acme.example>',
      'Date: Mon, Nov 30, 2026 09:00 AM',
      `To: "Jane"<${JANE}>;`,
      'Subject: [#1] Your order',
    ],
    forward: [
      '---Original---',
      'From: "Ann (Acme)"<support@acme.example>',
      'Date: Mon, Nov 30, 2026 09:00 AM',
      `To: "Jane"<${JANE}>;`,
      'Subject: [#1] Your order',
    ],
    sign: '',
    html: 'lines',
  }),
  // Its text part has entities of HTML in it.
  framed('QQ Mail, text', 'ltp of 2024-07-05 (reply)', '------------------&nbsp;Original&nbsp;------------------', {
    reply: [
      '------------------&nbsp;Original&nbsp;------------------',
      'From: &nbsp;"Ann&nbsp;(Acme)"<support@acme.example&gt;;',
      'Date: &nbsp;Mon, Nov 30, 2026 09:00 AM',
      `To: &nbsp;"Jane"<${JANE}&gt;; `,
      'Subject: &nbsp;[#1] Your order',
    ],
    sign: '',
    html: null,
  }),
  framed('QQ Mail', 'linux-ext4 of October 2020 (reply)', '------------------ Original ------------------', {
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
    'FmLiu/repo1#16 (in English)',
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
  framed('NetEase, since 2021', 'qemu-devel of August 2023 (reply)', '---- Replied Message ----', {
    reply: [
      '---- Replied Message ----',
      '| From | Ann (Acme)<support@acme.example> |',
      '| Date | 11/30/2026 09:00 |',
      `| To | Jane<${JANE}> |`,
      '| Subject | [#1] Your order |',
    ],
    forward: [
      '---- Forwarded Message ----',
      '| From | Ann (Acme)<support@acme.example> |',
      '| Date | 11/30/2026 09:00 |',
      `| To | Jane<${JANE}> |`,
      '| Subject | [#1] Your order |',
    ],
    sign: '',
    html: 'netease',
    forwardHtml: 'lines',
  }),
  framed('Foxmail', 'linux-erofs of 2020-10-19 (reply), ltp of 2021-01-27 (reply, in English)', '发件人： Ann (Acme)', {
    reply: ['发件人： Ann (Acme)', '发送时间： 2026-11-30 09:00', `收件人： ${JANE}`, '主题： [#1] Your order'],
    forward: ['发件人： Ann (Acme)', '发送时间： 2026-11-30 09:00', `收件人： ${JANE}`, '主题： [#1] Your order'],
    sign: '',
    html: 'foxmail',
  }),
  framed('Naver', 'kosslab-kr/kosshack2016#6 (reply)', '-----Original Message-----', {
    reply: [
      '-----Original Message-----',
      '보낸사람: "Ann (Acme)" <support@acme.example>',
      `받는사람: "Jane" <${JANE}>`,
      '참조: ',
      '날짜: 2026.11.30 오전 09:00:13',
      '제목: [#1] Your order',
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
    'linux-kernel of 2021-03-03 (reply), crisp-oss/email-forward-parser test/fixtures/ionos_one_and_one_en_body.txt',
    '> On 30/11/2026 09:00 Ann (Acme) <support@acme.example> wrote:',
    {
      // All of it is quoted.
      forward: [
        '> ---------- Original Message ----------',
        `> From: ${ANN}`,
        `> To: ${JANE}`,
        '> Date: 30/11/2026 09:00 CET',
        '> Subject: [#1] Your order',
      ],
      forwardSign: '> ',
    },
  ),
  framed(
    'Seznam',
    'netdev of 2019-09-07, linux-btrfs of 2019-09-11 (replies)',
    '---------- Původní e-mail ----------',
    {
      reply: ODPOVED,
      forward: ODPOVED,
      sign: '',
      html: 'bordered',
    },
  ),
];
