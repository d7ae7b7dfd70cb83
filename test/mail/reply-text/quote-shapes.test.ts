import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitReply } from '#replyd/mail/reply-text/reply-text.js';

const NOTHING = { replyAddresses: [], texts: [] };

// Histories as rarer clients, gateways and older versions write them; each stands below the same words.
const HISTORIES: readonly string[] = [
  'Ann Lee <ann@shop.example> написал:>Hi\n>-- \n>Ann',
  'Ann Lee <ann@shop.example> escribió:> Hi',
  'Вы написали 3 мая 2027 г., 10:02:14:\n\nAL> Hi\nAL> there',
  'понедельник, 3 мая 2027 г., 10:02:14, Вы писали:\n\n> Hi',
  'Ann Lee <ann@shop.example>\n03/05/2027 10:02 AM\n\n        To:        bob@example.com\n        cc:        \n        Subject:        Hi\n\n\nHello',
  '----- Message transféré ----- De : Ann <ann@shop.example>À : Bob <bob@example.com>Envoyé : lundi 3 mai 2027Objet : Hi\nBonjour',
  '----- Xoloz qemet ----- From: Ann <ann@shop.example>To: Bob <bob@example.com>Sent: Monday\nHello',
  '2014-08-12 11:20 GMT-03:00 Ann Lee <ann@shop.example>:\n\n> Hi',
  '2010/3/1 Ann Lee <ann@shop.example>\n\n> Hi',
  'Ann Lee wrote on 2014-08-12 12:12:\n> Hi',
  'Den 2013-08-24 16:48, Ann Lee skrev:\n\nHi',
  'El jueves, 21 de noviembre de 2013, Ann Lee escribió:\n\n> Hi',
  '*From:* Ann via Shop [mailto:info@shop.example]\n*Sent:* Monday\n*To:* x\n*Subject:* y\n\nHi',
  'In a message dated 5/3/2027 10:02:14 AM Eastern Daylight Time, ann@shop.example writes:\n\nHi there',
  'At 10:02 AM 5/3/2027, Ann Lee wrote:\n>Hi',
  '>>> Ann Lee <ann@shop.example> 5/3/2027 10:02 AM >>>\nHello Bob\ndoes it fit?',
  '>>> "Ann Lee" 5/3/2027 10:02 AM >>>\nHello Bob\ndoes it fit?',
  'Ann Lee/Leeds/Shop wrote on 05/03/2027 10:02:14 AM:\n\n> Hi',
  'Ann Lee/Leeds/Shop wrote on 05/03/2027 10:02:14 AM:\n\nHi',
  '--- On Mon, 5/3/27, Ann Lee <ann@shop.example> wrote:\n\nFrom: Ann Lee <ann@shop.example>\nSubject: Hi\nTo: bob@example.com\nDate: Monday, May 3, 2027, 10:02 AM\n\nHi',
  '‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐\nOn Monday, May 3rd, 2027 at 10:02 AM, Ann Lee <ann@shop.example> wrote:\n\n> Hi',
  '------- Original Message -------\nOn Monday, May 3rd, 2027 at 10:02 AM, Ann Lee <ann@shop.example> wrote:\n\n\n> Hi',
  'On May 3, 2027, at 10:02 AM, "Ann Lee" <ann@shop.example<mailto:ann@shop.example>> wrote:\n\nHi',
  '-----Original Message----- From: Ann Lee [mailto:ann@shop.example] Sent: Monday To: Bob Subject: Hi\n\nHello',
  '> Ann Lee <ann@shop.example> hat am 03.05.2027 10:02 CEST geschrieben:\n>  \n>  \n> Hallo',
  '-----Original-Nachricht-----\nBetreff: AW: x\nDatum: 2027-05-03T10:02:14+0200\nVon: "Ann" <ann@shop.example>\nAn: "Bob" <bob@example.com>\n\nHallo',
  '______________________________________________________________\n> Od: "Ann" <ann@shop.example>\n> Komu: bob\n> Datum: 03.05.2027 10:02\n> Předmět: x\n>\n> text',
  'Reply-To: ann@shop.example\nFrom: Ann <ann@shop.example>\nDate: Mon, 3 May 2027 10:02:14 +0200\nTo: Bob\nSubject: x\n\nHi',
  'From:\nAnn Lee\nSent:\nMonday, May 3, 2027\nTo:\nBob\nSubject:\nHi\n\nHello',
  'From: Ann Lee\n\nSent: Monday, May 3, 2027\n\nTo: Bob\n\nSubject: Hi\n\nHello',
  '-----Urspr?ngliche Nachricht-----\nVon: Ann [mailto:ann@shop.example]\nGesendet: Montag\nAn: Bob\nBetreff: x\n\nHallo',
  'Ann Lee <ann@shop.example> napisa³(a):\n> Hi',
  'Στις Δευτέρα, 3 Μαΐου 2027, 10:02:14 π.μ. EEST, ο χρήστης Ann Lee <ann@shop.example> έγραψε:\n\nHi',
  'W dniu 2027-05-03 10:02:14 użytkownik Ann Lee <ann@shop.example> napisał:\n> Hi',
  '-------- Ursprüngliche Nachricht --------\nVon: Ann Lee <ann@shop.example> \nDatum: 03.05.27  10:02  (GMT+01:00) \nAn: bob@example.com \nBetreff: x \n\nHallo',
  '---原始邮件---\n发件人:"Ann"<ann@shop.example>\n发送时间:2027年5月3日(周一) 上午10:02\n收件人:"bob"<bob@example.com>;\n主题:x\n\n您好',
  '发件人： Ann Lee\n发送时间： 2027-05-03 10:02\n收件人： bob\n主题： 订单\n您好',
  '> 在 2027年5月3日，上午10:02，Ann Lee <ann@shop.example> 写道：\n> \n> 您好',
  '２０２７年５月３日(月) １０：０２ Ann Lee <ann@shop.example>:\n\n> hi',
  'Ann Lee さんは書きました:\n> hi',
  'Ann Lee schreef op 2027-05-03 10:02:\n> Hi',
  'Ann Lee schreef op ma 3-05-2027 om 10:02 [+0200]:\n> Hi',
  'Am Montag, den 03.05.2027, 10:02 +0200 schrieb Ann Lee:\n> Hi',
  'Citeren Ann Lee <ann@shop.example>:\n\n> Hi',
  'Zitat von Ann Lee <ann@shop.example>:\n\n> Hi',
  'Quoting Ann Lee <ann@shop.example>:\n\n> Hi',
  'Selon Ann Lee <ann@shop.example>:\n\n> Hi',
  'Le lundi 03 mai 2027 à 10:02 +0200, Ann Lee a écrit :\n> Hi',
  'Le 3 mai 2027 10:02, "Ann Lee" <ann@shop.example> a écrit :\n\n> Hi',
  'Ann Lee <ann@shop.example> schrieb am Mo., 3. Mai 2027, 10:02:\n\n> Hi',
  'Ann Lee <ann@shop.example> schrieb am Mo., 3. Mai 2027, 10:02:\n\nHi',
  'Ann Lee <ann@shop.example> escreveu no dia segunda, 3/05/2027 à(s) 10:02:\n\n> Hi',
  'Em seg, 3 de mai de 2027 10:02, Ann Lee <ann@shop.example> escreveu:\n\nHi',
  'Ann Lee a écrit le 03/05/2027 10:02 :\n> Hi',
  'Il giorno 03 maggio 2027 10:02, Ann Lee <ann@shop.example> ha scritto:\n\nHi',
  'From: Ann Lee <ann@shop.example>\nTo: bob@example.com\n\nHi there',
  'From: support@shop.example\nSent: Monday\n\nHi there',
  'Von: Ann Lee im Auftrag von Shop\nGesendet: Montag, 3. Mai 2027 10:02:14 (UTC+01:00) Amsterdam, Berlin\nAn: Bob\nBetreff: x\n \nHallo',
  '________________________________________\nFrom: Ann Lee <ann@shop.example>\nSent: 03 May 2027 10:02\nTo: Bob\nSubject: RE: x\n\nHi',
  'Begin forwarded message:\n\nFrom: Ann <ann@shop.example>\nSubject: x\nDate: 3 May 2027 at 10:02:14 CEST\nTo: bob@example.com\n\nHi',
  'On Mon, May 3, 2027 at 10:02 AM Ann Lee\n<ann@shop.example>\nwrote:\n\nHi',
  'Mon, 3 May 2027 at 10:02 Ann Lee <ann@shop.example>\nwrote:\n\n> Hi',
  'On Mon, 3 May 2027, Ann Lee wrote:\n\n> Hi',
  'On May 3, 10:02 am, Ann Lee <ann@shop.example> wrote:\n> Hi',
  'On 03.05.27 at 10:02, Ann Lee wrote:\n\nHi',
];

for (const history of HISTORIES) {
  test(`history: ${JSON.stringify(history.slice(0, 100))}`, () => {
    const found = splitReply({ plain: `Ok, thanks.\n\n${history}`, html: null }, NOTHING);
    assert.equal(found.text, 'Ok, thanks.');
    assert.equal(`${found.signature}\n${found.quotedText}`.trim(), history);
  });
}

// Words of people that look like a client's.
const OWN_WORDS: readonly string[] = [
  'The labels:\n\n    To:      whom\n    Subject: what\n\nare wrong.',
  'You wrote on 3 May 2027 at 10:02:\n"it is here"\nIt is not.',
  'On 3 May 2027, Ann from your team wrote:\n\nPlease send photos.\n\nHere they are.',
  'As you wrote to me on Monday 3 May 2027 at 10:02:\nthe parcel is on its way.\nIt is not.',
  'Am 3. Mai 2027 um 10:02 schrieb ich Ihnen Folgendes:\n\nBitte stornieren.\n\nNichts ist passiert.',
  'Le 3 mai 2027 à 10:02 vous avez écrit :\n\nle colis arrive.\n\nIl manque toujours.',
  'My details:\nName: Bob\nPhone: +44 20 7946 0000\nE-mail: bob@example.com\nDate of birth: 3 May 1987',
  'Invoice date: 3 May 2027\nFrom: our old office\nplease correct it',
  'Compare:\n\nA: yes\nB: no\nTo: be decided',
  '2027년 5월 3일 10:02에 문의 글을 작성',
  'Order 4711 - 3 May 2027 10:02 - bob@example.com:\nnot paid',
  'user@host:~$ date\nMon May  3 10:02:14 CEST 2027\nuser@host:~$',
  'Error (2027-05-03 10:02:14):\n  at main.js:10\n  at <anonymous>:\nWhat now?',
  'Contact <bob@example.com> at 10:02:\nno answer',
  'Dear team,\n\nI wrote:\n"please cancel"\nand got no answer.',
  'To whom it may concern:\nplease call back',
  'Subject: Complaint\n\nDear Sir,\nthe bolts are too short.',
  'Re: order\nDate: 3 May\n\nwhere is it?',
  'Sent from my heart, this is a complaint',
  '=== Questions ===\n1. When?\n2. Where?',
  '1 - 2 = -1\n\n- - -\n\nright?',
];

for (const words of OWN_WORDS) {
  test(`own words: ${JSON.stringify(words.slice(0, 100))}`, () => {
    const found = splitReply({ plain: words, html: null }, NOTHING);
    assert.deepEqual([found.text, found.quotedText, found.signature], [words, '', '']);
  });
}
