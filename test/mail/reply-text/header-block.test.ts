import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitReply } from '#replyd/mail/reply-text/reply-text.js';

const NOTHING = { replyAddresses: [], texts: [] };

const A = 'Ann Lee <ann@shop.example>';
const B = 'Bob <bob@example.com>';

// [language and client, header block as that client writes it]
const BLOCKS: readonly (readonly [string, readonly string[]])[] = [
  [
    'en Outlook',
    ['From: Ann Lee <ann@shop.example>', 'Sent: Monday, May 3, 2027 10:02 AM', 'To: Bob', 'Subject: Your order'],
  ],
  ['en Outlook, names only', ['From: Ann Lee', 'Sent: Monday, May 3, 2027 10:02 AM', 'To: Bob', 'Subject: Your order']],
  [
    'en Outlook, bold',
    [
      '*From:* Ann Lee <ann@shop.example>',
      '*Sent:* Monday, May 3, 2027 10:02 AM',
      '*To:* Bob',
      '*Subject:* Your order',
    ],
  ],
  ['en Outlook for Mac', [`From: ${A}`, 'Date: Monday, 3 May 2027 at 10:02', `To: ${B}`, 'Subject: Your order']],
  [
    'en Outlook, wrapped To',
    [`From: ${A}`, 'Sent: Monday, May 3, 2027 10:02 AM', 'To: Bob; Carol; Dave;', 'Erin; Frank', 'Subject: Your order'],
  ],
  [
    'en Lotus',
    ['From:   Ann Lee/Shop', 'To:     Bob/Example', 'Date:   05/03/2027 10:02 AM', 'Subject:        Your order'],
  ],
  ['en Windows Mail', [`From: ${A}`, 'Sent: Monday, 3 May 2027 10:02', `To: ${B}`, 'Subject: Your order']],
  ['de Outlook', [`Von: ${A}`, 'Gesendet: Montag, 3. Mai 2027 10:02', `An: ${B}`, 'Betreff: Bestellung']],
  [
    'de GMX',
    [
      'Gesendet: Montag, 3. Mai 2027 um 10:02 Uhr',
      'Von: "Ann Lee" <ann@shop.example>',
      'An: bob@example.com',
      'Betreff: Bestellung',
    ],
  ],
  ['de Outlook for Mac', [`Von: ${A}`, 'Datum: Montag, 3. Mai 2027 um 10:02', `An: ${B}`, 'Betreff: Bestellung']],
  ['fr Outlook', [`De : ${A}`, 'Envoyé : lundi 3 mai 2027 10:02', `À : ${B}`, 'Objet : Commande']],
  ['es Outlook', [`De: ${A}`, 'Enviado: lunes, 3 de mayo de 2027 10:02', `Para: ${B}`, 'Asunto: Pedido']],
  ['es Outlook, old', [`De: ${A}`, 'Enviado el: lunes, 3 de mayo de 2027 10:02', `Para: ${B}`, 'Asunto: Pedido']],
  ['pt Outlook', [`De: ${A}`, 'Enviado: segunda-feira, 3 de maio de 2027 10:02', `Para: ${B}`, 'Assunto: Pedido']],
  [
    'pt Outlook Brazil',
    [`De: ${A}`, 'Enviada em: segunda-feira, 3 de maio de 2027 10:02', `Para: ${B}`, 'Assunto: Pedido'],
  ],
  ['it Outlook', [`Da: ${A}`, 'Inviato: lunedì 3 maggio 2027 10:02', `A: ${B}`, 'Oggetto: Ordine']],
  ['nl Outlook', [`Van: ${A}`, 'Verzonden: maandag 3 mei 2027 10:02', `Aan: ${B}`, 'Onderwerp: Bestelling']],
  ['da Outlook', [`Fra: ${A}`, 'Sendt: 3. maj 2027 10:02', `Til: ${B}`, 'Emne: Ordre']],
  ['nb Outlook', [`Fra: ${A}`, 'Sendt: mandag 3. mai 2027 10:02', `Til: ${B}`, 'Emne: Ordre']],
  ['sv Outlook', [`Från: ${A}`, 'Skickat: den 3 maj 2027 10:02', `Till: ${B}`, 'Ämne: Order']],
  [
    'fi Outlook',
    [`Lähettäjä: ${A}`, 'Lähetetty: maanantai 3. toukokuuta 2027 10.02', `Vastaanottaja: ${B}`, 'Aihe: Tilaus'],
  ],
  ['pl Outlook', [`Od: ${A}`, 'Wysłano: poniedziałek, 3 maja 2027 10:02', `Do: ${B}`, 'Temat: Zamówienie']],
  ['pl Outlook mobile', [`Od: ${A}`, 'Wysłane: poniedziałek, 3 maja 2027 10:02', `Do: ${B}`, 'Temat: Zamówienie']],
  ['cs Outlook', [`Od: ${A}`, 'Odesláno: pondělí 3. května 2027 10:02', `Komu: ${B}`, 'Předmět: Objednávka']],
  ['cs Seznam', [`Od: ${A}`, `Komu: ${B}`, 'Datum: 3. 5. 2027 10:02:14', 'Předmět: Objednávka']],
  ['sk Outlook', [`Od: ${A}`, 'Odoslané: pondelok 3. mája 2027 10:02', `Komu: ${B}`, 'Predmet: Objednávka']],
  ['hu Outlook', [`Feladó: ${A}`, 'Elküldve: 2027. május 3., hétfő 10:02', `Címzett: ${B}`, 'Tárgy: Rendelés']],
  ['ro Outlook', [`De la: ${A}`, 'Trimis: luni, 3 mai 2027 10:02', `Către: ${B}`, 'Subiect: Comanda']],
  ['bg Outlook', [`От: ${A}`, 'Изпратено: понеделник, 3 май 2027 г. 10:02', `До: ${B}`, 'Относно: Поръчка']],
  ['el Outlook', [`Από: ${A}`, 'Στάλθηκε: Δευτέρα, 3 Μαΐου 2027 10:02 πμ', `Προς: ${B}`, 'Θέμα: Παραγγελία']],
  ['ru Outlook', [`От: ${A}`, 'Отправлено: 3 мая 2027 г. 10:02', `Кому: ${B}`, 'Тема: Заказ']],
  ['uk Outlook', [`Від: ${A}`, 'Надіслано: 3 травня 2027 р. 10:02', `Кому: ${B}`, 'Тема: Замовлення']],
  ['sr Outlook', [`Од: ${A}`, 'Послато: понедељак, 3. мај 2027. 10:02', `Коме: ${B}`, 'Тема: Поруџбина']],
  ['hr Outlook', [`Od: ${A}`, 'Poslano: 3. svibnja 2027. 10:02', `Prima: ${B}`, 'Predmet: Narudžba']],
  ['sl Outlook', [`Od: ${A}`, 'Poslano: ponedeljek, 3. maj 2027 10:02', `Za: ${B}`, 'Zadeva: Naročilo']],
  ['lt Outlook', [`Nuo: ${A}`, 'Išsiųsta: 2027 m. gegužės 3 d. 10:02', `Kam: ${B}`, 'Tema: Užsakymas']],
  ['lv Outlook', [`No: ${A}`, 'Nosūtīts: pirmdiena, 2027. gada 3. maijs 10:02', `Kam: ${B}`, 'Tēma: Pasūtījums']],
  ['et Outlook', [`Saatja: ${A}`, 'Saadetud: esmaspäev, 3. mai 2027 10:02', `Adressaat: ${B}`, 'Teema: Tellimus']],
  ['tr Outlook', [`Kimden: ${A}`, 'Gönderildi: 3 Mayıs 2027 Pazartesi 10:02', `Kime: ${B}`, 'Konu: Sipariş']],
  ['he Outlook', [`מאת: ${A}`, '‏‏נשלח: יום שני 3 מאי 2027 10:02', `אל: ${B}`, 'נושא: הזמנה']],
  ['ar Outlook', [`من: ${A}`, '‏‏تم الإرسال: الإثنين، 3 مايو، 2027 10:02 ص', `إلى: ${B}`, 'الموضوع: طلب']],
  ['fa Outlook', [`از: ${A}`, 'ارسال شده: دوشنبه 3 مه 2027 10:02', `به: ${B}`, 'موضوع: سفارش']],
  ['th Outlook', [`จาก: ${A}`, 'ส่ง: วันจันทร์ที่ 3 พฤษภาคม 2027 10:02', `ถึง: ${B}`, 'เรื่อง: คำสั่งซื้อ']],
  ['vi Outlook', [`Từ: ${A}`, 'Đã gửi: Thứ Hai, 3 Tháng Năm 2027 10:02 SA', `Tới: ${B}`, 'Chủ đề: Đơn hàng']],
  ['id Outlook', [`Dari: ${A}`, 'Dikirim: Senin, 03 Mei 2027 10:02', `Kepada: ${B}`, 'Subjek: Pesanan']],
  ['ms Outlook', [`Daripada: ${A}`, 'Dihantar: Isnin, 3 Mei 2027 10:02 PG', `Kepada: ${B}`, 'Subjek: Pesanan']],
  ['zh-CN Outlook', [`发件人: ${A}`, '发送时间: 2027年5月3日 10:02', `收件人: ${B}`, '主题: 订单']],
  [
    'zh-CN QQ',
    [
      '发件人: "Ann Lee" <ann@shop.example>;',
      '发送时间: 2027年5月3日(星期一) 上午10:02',
      '收件人: "bob"<bob@example.com>;',
      '主题: 订单',
    ],
  ],
  ['zh-CN NetEase', [`发件人：${A}`, '发送日期：2027年05月03日 10:02', `收件人：${B}`, '主题：订单']],
  ['zh-TW Outlook', [`寄件者: ${A}`, '寄件日期: 2027年5月3日 上午 10:02', `收件者: ${B}`, '主旨: 訂單']],
  ['ja Outlook', [`差出人: ${A}`, '送信日時: 2027年5月3日 10:02', `宛先: ${B}`, '件名: 注文']],
  ['ko Outlook', [`보낸 사람: ${A}`, '보낸 날짜: 2027년 5월 3일 월요일 오전 10:02', `받는 사람: ${B}`, '제목: 주문']],
  ['hi Outlook', [`प्रेषक: ${A}`, 'भेजा गया: सोमवार, 3 मई 2027 10:02', `प्रति: ${B}`, 'विषय: आदेश']],
  ['ca Outlook', [`De: ${A}`, 'Enviat: dilluns, 3 de maig de 2027 10:02', `Per a: ${B}`, 'Assumpte: Comanda']],
];

for (const [name, block] of BLOCKS) {
  const quote = [...block, '', 'Hello Bob,', 'does it work?', '', 'Ann'].join('\n');
  for (const [shape, above] of [
    ['bare', ''],
    ['under a rule', '________________________________\n'],
    ['under "original message"', '-----Original Message-----\n'],
  ]) {
    test(`header block, ${shape}: ${name}`, () => {
      const found = splitReply({ plain: `Yes, it does.\n\nBob\n\n${above}${quote}`, html: null }, NOTHING);
      assert.deepEqual([found.text, found.quotedText, found.signature], ['Yes, it does.\n\nBob', above + quote, '']);
    });
  }
}

const LINES: readonly string[] = [
  '-----Original Message-----',
  '-------- Original Message --------',
  '-----Ursprüngliche Nachricht-----',
  '-------- Original-Nachricht --------',
  "-----Message d'origine-----",
  '-------- Message original --------',
  '-----Mensaje original-----',
  '-----Mensagem original-----',
  '-----Messaggio originale-----',
  '-----Oorspronkelijk bericht-----',
  '-----Oprindelig meddelelse-----',
  '-----Opprinnelig melding-----',
  '-----Ursprungligt meddelande-----',
  '-----Alkuperäinen viesti-----',
  '-----Oryginalna wiadomość-----',
  '---------- Původní e-mail ----------',
  '-----Eredeti üzenet-----',
  '-----Исходное сообщение-----',
  '-----Özgün İleti-----',
  '-----Αρχικό μήνυμα-----',
  '-----הודעה מקורית-----',
  '-----الرسالة الأصلية-----',
  '-----原始邮件-----',
  '------------------ 原始邮件 ------------------',
  '-----邮件原件-----\n发件人: Ann <ann@shop.example>\n发送时间: 2027年5月3日 10:02',
  '-----元のメッセージ-----',
  '-----원본 메시지-----',
  '---------- Forwarded message ---------',
  '-------- Forwarded Message --------',
  'Begin forwarded message:',
  '---------- Weitergeleitete Nachricht ---------',
  'Anfang der weitergeleiteten Nachricht:',
  '---------- Message transféré ---------',
  'Début du message réexpédié :',
  '---------- Mensaje reenviado ---------',
  '---------- Mensagem encaminhada ---------',
  '---------- Messaggio inoltrato ---------',
  '---------- Пересылаемое сообщение ---------',
  '---------- 转发的邮件 ---------',
  '----- 転送メッセージ -----',
];

for (const line of LINES) {
  test(`line above a quoted mail: ${line}`, () => {
    const quote = `${line}\n\nHello Bob`;
    const found = splitReply({ plain: `See below.\n\n${quote}`, html: null }, NOTHING);
    assert.deepEqual([found.text, found.quotedText], ['See below.', quote]);
  });
}

const OWN: readonly (readonly string[])[] = [
  ['From: Berlin', 'To: Hamburg', 'Date: 3 May'],
  ['Von: Berlin', 'An: Hamburg', 'Datum: 3.5.2027'],
  ['Name: Bob', 'E-mail: bob@example.com', 'Date: 3 May 2027 10:02', 'Order: 4711'],
  ['Subject: the last invoice', 'it is wrong'],
  ['To: do', '- call Ann', '- pay'],
  ['Sent: one parcel', 'missing: the other'],
  ['original message', 'and forwarded message are the words I see'],
  ['--- important ---', 'please read'],
  ['Date: tomorrow', 'Time: 10:00'],
];

for (const lines of OWN) {
  test(`a person's own lines: ${JSON.stringify(lines)}`, () => {
    const plain = ['Hello,', '', ...lines, '', 'Bob'].join('\n');
    const found = splitReply({ plain, html: null }, NOTHING);
    assert.deepEqual([found.text, found.quotedText], [plain, '']);
  });
}
