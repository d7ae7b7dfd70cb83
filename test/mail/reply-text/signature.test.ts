import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitReply } from '#replyd/mail/reply-text/reply-text.js';

const NOTHING = { replyAddresses: [], texts: [] };

const DEVICE_LINES: readonly string[] = [
  'Sent from my Kestrel',
  '[Sent from my Kestrel 9]',
  '(Sent from my fridge)',
  'Sent from my iPhone<https://kestrel.example>',
  'Sent from my Kestrelhttps://kestrel.example',
  'Get Kestrel for iOS<https://kestrel.example>',
  'Envoyé de mon Kestrel',
  'Enviado desde mi Kestrel',
  'Отправлено с моего Kestrel',
  'Lähetetty Kestrelistäni',
  'Kestrelから送信',
  '发自企业微信',
  '【发自我的企业微信】',
  'Sent from my iPhone',
  'Sent from my iPad',
  'Sent from iPhone',
  'Sent from my iPhone.',
  'Sent from my mobile',
  'Sent from my phone',
  'Sent from my Samsung Galaxy smartphone.',
  'Sent from my Galaxy',
  'Sent from Samsung tablet',
  'Sent from my Verizon, Samsung Galaxy smartphone',
  'Sent from my T-Mobile 4G LTE Device',
  'Sent from my Verizon Wireless BlackBerry',
  'Sent from my BlackBerry® wireless device',
  'Sent from my Android device with K-9 Mail. Please excuse my brevity.',
  'Sent from my Huawei phone',
  'Sent from my Pixel 9 Pro',
  'Sent from my Windows Phone',
  'Sent from Yahoo Mail on Android',
  'Sent from Yahoo Mail for iPhone',
  'Sent from Mail for Windows 10',
  'Sent from Mail<https://go.microsoft.com/fwlink/?LinkId=550986> for Windows',
  'Sent from Outlook for Android',
  'Sent from Outlook',
  'Sent from AOL Mobile Mail',
  'Sent from ProtonMail mobile',
  'Sent from Proton Mail for iOS',
  'Sent with Proton Mail secure email.',
  'Sent with [Proton Mail](https://proton.me/mail/home) secure email.',
  'Sent from Gmail Mobile',
  'Sent from Fastmail',
  'Sent with Spark',
  'Sent via Superhuman',
  'Sent from Nine',
  'Get Outlook for iOS',
  'Get Outlook for iOS<https://aka.ms/o0ukef>',
  'Get Outlook for Android <https://aka.ms/AAb9ysg>',
  '*Sent from my iPhone*',
  '-- Sent from my iPhone --',
  'Sent from my iPhone. Please excuse typos.',
  'Von meinem iPhone gesendet',
  'Von meinem Samsung Galaxy Smartphone gesendet.',
  'Von meinem/meiner Galaxy gesendet',
  'Gesendet von meinem iPhone',
  'Gesendet von Mail für Windows',
  'Gesendet von Outlook für Android',
  'Gesendet mit der GMX Mail App',
  'Gesendet mit der WEB.DE Mail App',
  'Gesendet von Yahoo Mail auf Android',
  'Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.',
  'Von meinem Handy gesendet',
  'Holen Sie sich Outlook für iOS',
  'Outlook für Android herunterladen',
  'Envoyé de mon iPhone',
  'Envoyé de mon iPad',
  'Envoyé depuis mon appareil Galaxy',
  'Envoyé depuis mon smartphone Samsung Galaxy.',
  'Envoyé à partir d’Outlook pour Android',
  'Envoyé depuis Yahoo Mail pour iPhone',
  'Envoyé à partir de Courrier pour Windows',
  'Télécharger Outlook pour iOS',
  'Enviado desde mi iPhone',
  'Enviado desde mi Samsung Mobile de Claro',
  'Enviado desde Correo para Windows',
  'Enviado desde Yahoo Mail para Android',
  'Obtener Outlook para iOS',
  'Enviado do meu iPhone',
  'Enviado do meu smartphone Samsung Galaxy.',
  'Enviado do Yahoo Mail no Android',
  'Obter o Outlook para iOS',
  'Inviato da iPhone',
  'Inviato dal mio Galaxy',
  'Inviato da Yahoo Mail su Android',
  'Inviato da Posta per Windows',
  'Ottieni Outlook per iOS',
  'Verstuurd vanaf mijn iPhone',
  'Verzonden vanaf mijn Galaxy',
  'Verzonden vanuit Mail voor Windows',
  'Outlook voor iOS downloaden',
  'Sendt fra min iPhone',
  'Sendt fra min Galaxy',
  'Hent Outlook til iOS',
  'Skickat från min iPhone',
  'Skickat från min Samsung Galaxy smartphone.',
  'Skaffa Outlook för iOS',
  'Lähetetty iPhonesta',
  'Lähetetty Samsung Galaxy -älypuhelimesta.',
  'Hanki Outlook for iOS',
  "Wysłane z iPhone'a",
  'Wysłano z iPhone’a',
  'Wysłane z telefonu Samsung Galaxy',
  'Wysłane z Outlook dla systemu Android',
  'Pobierz program Outlook dla systemu iOS',
  'Odesláno z iPhonu',
  'Odesláno z mého telefonu Galaxy',
  'Odoslané z iPhonu',
  'Elküldve az iPhone-omról',
  'Az iPhone-omról küldve',
  'Trimis de pe iPhone-ul meu',
  'Изпратено от моя iPhone',
  'Отправлено с iPhone',
  'Отправлено из мобильной Почты Mail.ru',
  'Отправлено из Почты для Windows',
  'Отправлено с моего Samsung Galaxy',
  'Надіслано з iPhone',
  'Надіслано з мого смартфона Galaxy',
  'Послато са мог iPhone-а',
  'Poslano s mog iPhonea',
  'Poslano z mojega iPhona',
  "iPhone'umdan gönderildi",
  'Samsung Galaxy cihazımdan gönderildi',
  'Στάλθηκε από το iPhone μου',
  'נשלח מה-iPhone שלי',
  'أرسلت من الـ iPhone',
  'تم الإرسال من جهاز Galaxy',
  'ส่งจาก iPhone ของฉัน',
  'Đã gửi từ iPhone của tôi',
  'Dikirim dari iPhone saya',
  'Dihantar daripada iPhone saya',
  '发自我的 iPhone',
  '发自我的iPhone',
  '从我的 iPhone 发送',
  '發自我的 iPhone',
  '從我的 iPhone 傳送',
  '发自我的小米手机',
  '获取 Outlook for iOS',
  'iPhoneから送信',
  '私のiPhoneから送信',
  'Outlook for iOS を入手',
  '나의 iPhone에서 보냄',
  '내 Galaxy에서 보냄',
  'Saadetud minu iPhone’ist',
  'Išsiųsta iš mano „iPhone“',
  'Nosūtīts no mana iPhone',
  'Enviat des del meu iPhone',
  'मेरे iPhone से भेजा गया',
];

for (const line of DEVICE_LINES) {
  test(`device line: ${line}`, () => {
    const found = splitReply({ plain: `It works.\nBob\n\n${line}\n`, html: null }, NOTHING);
    assert.deepEqual([found.text, found.signature], ['It works.\nBob', line]);
  });
}

const SENTENCES: readonly string[] = [
  'Sent from my iPhone, the picture is blurred.',
  'Sent from my iPhone yesterday but it came back.',
  'Sent from my iPhone? I never did that.',
  'Sent from the warehouse on Monday.',
  'Sent from Berlin by train',
  'Sent from my iPhone the mail arrives, from Outlook it does not.',
  'Sent from my wife',
  'Get Outlook to work for me, please',
  'Get well soon',
  'Download the invoice',
  'Download Windows drivers from where?',
  'Von meinem Konto wurde zweimal Geld abgebucht.',
  'Von meinem iPhone gesendet wurde nichts.',
  'Gesendet von meinem Mann am Montag, angekommen ist nichts',
  'Envoyé de mon iPhone, le message revient toujours.',
  'Enviado desde mi oficina el lunes pasado',
  'Inviato da mio fratello ieri',
  'Отправлено с главного склада вчера утром',
  'Obtener una copia de la factura',
  'I sent it from my iPhone',
  'Mail me when it is done',
  'My phone: +44 20 7946 0000',
];

for (const line of SENTENCES) {
  test(`a sentence, no device line: ${line}`, () => {
    const found = splitReply({ plain: `Hello,\n${line}\n`, html: null }, NOTHING);
    assert.deepEqual([found.text, found.signature], [`Hello,\n${line}`, '']);
  });
}

const DELIMITERS: readonly string[] = [
  '-- ',
  '--',
  '---',
  '-----',
  '___',
  '____________',
  '—',
  '––',
  '————',
  '–',
  '--  ',
  '\u00a0--',
];

for (const line of DELIMITERS) {
  test(`delimiter: ${JSON.stringify(line)}`, () => {
    const found = splitReply({ plain: `It works.\n\n${line}\n\nBob\nExample Ltd\n`, html: null }, NOTHING);
    assert.deepEqual([found.text, found.signature.trim()], ['It works.', `${line}\n\nBob\nExample Ltd`.trim()]);
  });
}

const NO_DELIMITERS: readonly (readonly string[])[] = [
  ['Results', '-------', 'All good'],
  ['Results', '-------', '', 'All good'],
  ['Name   Qty', '----------', 'Bolts  4', '----------', 'Sum    4'],
  ['| a | b |', '|---|---|', '| 1 | 2 |'],
  ['+---+---+', '| a | b |', '+---+---+'],
  ['```', '--', '```', 'That is the file.'],
  ['~~~', '---', 'key: value', '---', '~~~', 'That is the file.'],
  ['```yaml', '---', 'a: 1', '```', 'That is the file.'],
  ['- one', '-', '- two'],
  ['-- or so', 'fine'],
  ['a -- b'],
  ['--verbose', 'does not help'],
  ['---> here'],
  ['-', 'x'],
  ['_', 'x'],
];

for (const lines of NO_DELIMITERS) {
  test(`no delimiter: ${JSON.stringify(lines)}`, () => {
    const found = splitReply({ plain: lines.join('\n'), html: null }, NOTHING);
    assert.deepEqual([found.text, found.signature], [lines.join('\n'), '']);
  });
}

const GREETINGS: readonly string[] = [
  'Dear Ann,',
  'Hi',
  'Sehr geehrte Damen und Herren,',
  'Bonjour Ann,',
  'Estimada Ann:',
  'Ciao Ann,',
  'Dzień dobry,',
  'Здравствуйте, Анна!',
  '您好，',
  'Ann様',
  '안녕하세요',
  'Did it come?',
  `It ${'really '.repeat(20)}came.`,
];

for (const line of GREETINGS) {
  test(`no signature under a row of signs: ${line.slice(0, 40)}`, () => {
    const plain = `It works.\n\n-----\n\n${line}\n\nBob`;
    const found = splitReply({ plain, html: null }, NOTHING);
    assert.deepEqual([found.text, found.signature], [plain, '']);
  });
}

const NAMES: readonly string[] = [
  'Beste Grüße\nBob',
  'Bästa hälsningar\nBob',
  'Cara Smith\nLighting Ltd',
  'Dag Nilsen\nOslo',
  'Hi-Fi Shop Ltd\nLeeds',
  `Bob\nhttps://shop.example/${'long/'.repeat(40)}?`,
];

for (const lines of NAMES) {
  test(`a signature under a row of signs: ${JSON.stringify(lines.slice(0, 40))}`, () => {
    const found = splitReply({ plain: `It works.\n\n_____\n${lines}`, html: null }, NOTHING);
    assert.deepEqual([found.text, found.signature], ['It works.', `_____\n${lines}`]);
  });
}
