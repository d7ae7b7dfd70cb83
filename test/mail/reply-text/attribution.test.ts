import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitReply } from '#replyd/mail/reply-text/reply-text.js';

const NOTHING = { replyAddresses: [], texts: [] };

// [language and client, attribution as that client writes it]
const ATTRIBUTIONS: readonly (readonly [string, string])[] = [
  ['en Gmail', 'On Mon, May 3, 2027 at 10:02 AM Ann Lee <ann@shop.example> wrote:'],
  ['en Gmail UK', 'On Mon, 3 May 2027 at 10:02, Ann Lee <ann@shop.example> wrote:'],
  ['en Apple', 'On 3 May 2027, at 10:02, Ann Lee <ann@shop.example> wrote:'],
  ['en Apple, new', 'On May 3, 2027, at 10:02\u202fAM, Ann Lee <ann@shop.example> wrote:'],
  ['en Thunderbird', 'On 5/3/27 10:02 AM, Ann Lee wrote:'],
  ['en Thunderbird, ISO date', 'On 2027-05-03 10:02, Ann Lee wrote:'],
  ['en Yahoo', 'On Monday, May 3, 2027 at 10:02:14 AM GMT+2, Ann Lee <ann@shop.example> wrote:'],
  ['en Proton', 'On Monday, May 3rd, 2027 at 10:02 AM, Ann Lee <ann@shop.example> wrote:'],
  ['en Roundcube', 'On 2027-05-03 10:02, Ann Lee wrote:'],
  ['en mutt', 'On Mon, May 03, 2027 at 10:02:14AM +0200, Ann Lee wrote:'],
  ['en Zoho', '---- On Mon, 03 May 2027 10:02:14 +0200 Ann Lee <ann@shop.example> wrote ----'],
  ['en Zoho, old', ' ---- On Mon, 03 May 2027 10:02:14 +0200 ann@shop.example wrote ---- '],
  ['en Lotus', '-----"Ann Lee" <ann@shop.example> wrote: -----'],
  ['en name first', 'Ann Lee <ann@shop.example> writes:'],
  ['en name, date', 'Ann Lee <ann@shop.example> wrote on Mon, 3 May 2027 10:02:'],
  ['en Outlook.com', 'On Mon, May 3, 2027 at 10:02 AM -0700, "Ann Lee" <ann@shop.example> wrote:'],
  ['en Fastmail', 'On Mon, May 3, 2027, at 10:02 AM, Ann Lee wrote:'],
  ['en Spark', 'On May 3, 2027 at 10:02 +0200, Ann Lee <ann@shop.example>, wrote:'],
  ['en HEY', 'On May 3, 2027, Ann Lee <ann@shop.example> wrote:'],
  ['en Airmail', 'On 3. May 2027 at 10:02:14, Ann Lee (ann@shop.example) wrote:'],
  ['en K-9', 'On May 3, 2027 10:02:14 AM GMT+02:00, Ann Lee <ann@shop.example> wrote:'],
  ['en Samsung', 'On Mon, May 3, 2027, 10:02 Ann Lee <ann@shop.example> wrote:'],
  ['en Evolution', 'On Mon, 2027-05-03 at 10:02 +0200, Ann Lee wrote:'],
  ['en KMail', 'On Monday, 3 May 2027 10:02:14 CEST Ann Lee wrote:'],
  ['en Tuta', 'May 3, 2027, 10:02 by ann@shop.example:'],
  ['en Mailbird', 'On 03/05/2027 10:02:14, Ann Lee <ann@shop.example> wrote:'],
  ['en 163', 'At 2027-05-03 10:02:14, "Ann Lee" <ann@shop.example> wrote:'],
  ['de Gmail', 'Am Mo., 3. Mai 2027 um 10:02 Uhr schrieb Ann Lee <ann@shop.example>:'],
  ['de Apple', 'Am 03.05.2027 um 10:02 schrieb Ann Lee <ann@shop.example>:'],
  ['de Thunderbird', 'Am 03.05.27 um 10:02 schrieb Ann Lee:'],
  ['de Thunderbird, von', 'Am 03.05.2027 um 10:02 schrieb Ann Lee via Shop:'],
  ['de Outlook mobile', 'Am Mon., Mai 3, 2027 um 10:02 Vorm. schrieb "Ann Lee" <ann@shop.example>:'],
  ['de K-9', 'Am 3. Mai 2027 10:02:14 MESZ schrieb Ann Lee <ann@shop.example>:'],
  ['de Yahoo', 'Am Montag, 3. Mai 2027 um 10:02:14 MESZ hat Ann Lee <ann@shop.example> Folgendes geschrieben:'],
  ['de Proton', 'Ann Lee <ann@shop.example> schrieb am Montag, 3. Mai 2027 um 10:02:'],
  ['fr Gmail', 'Le lun. 3 mai 2027 à 10:02, Ann Lee <ann@shop.example> a écrit :'],
  ['fr Apple', 'Le 3 mai 2027 à 10:02, Ann Lee <ann@shop.example> a écrit :'],
  ['fr Thunderbird', 'Le 03/05/2027 à 10:02, Ann Lee a écrit\u00a0:'],
  ['fr Orange', '> Message du 03/05/27 10:02'],
  ['fr Yahoo', 'Le lundi 3 mai 2027 à 10:02:14 UTC+2, Ann Lee <ann@shop.example> a écrit :'],
  ['es Gmail', 'El lun, 3 may 2027 a las 10:02, Ann Lee (<ann@shop.example>) escribió:'],
  ['es Apple', 'El 3 may 2027, a las 10:02, Ann Lee <ann@shop.example> escribió:'],
  ['es Thunderbird', 'El 3/5/27 a las 10:02, Ann Lee escribió:'],
  ['pt Gmail Brazil', 'Em seg., 3 de mai. de 2027 às 10:02, Ann Lee <ann@shop.example> escreveu:'],
  ['pt Gmail Portugal', 'Ann Lee <ann@shop.example> escreveu (segunda, 3/05/2027 à(s) 10:02):'],
  ['pt Apple', 'No dia 03/05/2027, às 10:02, Ann Lee <ann@shop.example> escreveu:'],
  ['pt Apple Brazil', 'Em 3 de mai. de 2027, à(s) 10:02, Ann Lee <ann@shop.example> escreveu:'],
  ['it Gmail', 'Il giorno lun 3 mag 2027 alle ore 10:02 Ann Lee <ann@shop.example> ha scritto:'],
  ['it Apple', 'Il giorno 3 mag 2027, alle ore 10:02, Ann Lee <ann@shop.example> ha scritto:'],
  ['it Thunderbird', 'Il 03/05/2027 10:02, Ann Lee ha scritto:'],
  ['nl Gmail', 'Op ma 3 mei 2027 om 10:02 schreef Ann Lee <ann@shop.example>:'],
  ['nl Apple', 'Op 3 mei 2027, om 10:02 heeft Ann Lee <ann@shop.example> het volgende geschreven:'],
  ['nl Thunderbird', 'Op 03-05-2027 om 10:02 schreef Ann Lee:'],
  ['da Gmail', 'Den man. 3. maj 2027 kl. 10.02 skrev Ann Lee <ann@shop.example>:'],
  ['da Apple', 'Den 3. maj 2027 kl. 10.02 skrev Ann Lee <ann@shop.example>:'],
  ['nb Gmail', 'man. 3. mai 2027 kl. 10:02 skrev Ann Lee <ann@shop.example>:'],
  ['nb Apple', '3. mai 2027 kl. 10:02 skrev Ann Lee <ann@shop.example>:'],
  ['sv Gmail', 'Den mån 3 maj 2027 kl 10:02 skrev Ann Lee <ann@shop.example>:'],
  ['sv Apple', '3 maj 2027 kl. 10:02 skrev Ann Lee <ann@shop.example>:'],
  ['fi Gmail', 'ma 3. toukok. 2027 klo 10.02 Ann Lee (ann@shop.example) kirjoitti:'],
  ['fi Apple', 'Ann Lee <ann@shop.example> kirjoitti 3.5.2027 kello 10.02:'],
  ['is Gmail', 'mán., 3. maí 2027 kl. 10:02 skrifaði Ann Lee <ann@shop.example>:'],
  ['pl Gmail', 'pon., 3 maj 2027 o 10:02 Ann Lee <ann@shop.example> napisał(a):'],
  ['pl Thunderbird', 'W dniu 3.05.2027 o 10:02, Ann Lee pisze:'],
  ['pl Apple', 'Wiadomość napisana przez Ann Lee <ann@shop.example> w dniu 3 maj 2027, o godz. 10:02:'],
  ['pl Onet', 'Dnia 3 maja 2027 10:02 Ann Lee <ann@shop.example> napisał(a):'],
  ['cs Gmail', 'po 3. 5. 2027 v 10:02 odesílatel Ann Lee <ann@shop.example> napsal:'],
  ['cs Apple', '3. 5. 2027 v 10:02, Ann Lee <ann@shop.example>:'],
  ['cs Thunderbird', 'Dne 03. 05. 27 v 10:02 Ann Lee napsal(a):'],
  ['cs Seznam', '---------- Původní e-mail ----------'],
  ['sk Gmail', 'po 3. 5. 2027 o 10:02 Ann Lee <ann@shop.example> napísal(a):'],
  ['sk Thunderbird', 'Dňa 3. 5. 2027 o 10:02 Ann Lee napísal(a):'],
  ['hu Gmail', 'Ann Lee <ann@shop.example> ezt írta (időpont: 2027. máj. 3., H, 10:02):'],
  ['hu Apple', '2027. május 3. dátummal, 10:02 időpontban Ann Lee <ann@shop.example> írta:'],
  ['ro Gmail', 'În lun., 3 mai 2027 la 10:02, Ann Lee <ann@shop.example> a scris:'],
  ['ro Gmail, old', 'Pe lun., 3 mai 2027 la 10:02, Ann Lee <ann@shop.example> a scris:'],
  ['bg Gmail', 'На пн, 3.05.2027 г. в 10:02 Ann Lee <ann@shop.example> написа:'],
  ['el Gmail', 'Στις Δευ 3 Μαΐ 2027 στις 10:02 π.μ., ο/η Ann Lee <ann@shop.example> έγραψε:'],
  ['ru Gmail', 'пн, 3 мая 2027 г. в 10:02, Ann Lee <ann@shop.example>:'],
  ['ru Thunderbird', '03.05.2027 10:02, Ann Lee пишет:'],
  ['ru Apple', '3 мая 2027 г., в 10:02, Ann Lee <ann@shop.example> написал(а):'],
  ['ru mail.ru', 'Понедельник, 3 мая 2027, 10:02 +03:00 от Ann Lee <ann@shop.example>:'],
  ['ru Yandex', '03.05.2027, 10:02, "Ann Lee" <ann@shop.example>:'],
  ['uk Gmail', 'пн, 3 трав. 2027 р. о 10:02 Ann Lee <ann@shop.example> пише:'],
  ['uk Apple', '3 трав. 2027 р. о 10:02 Ann Lee <ann@shop.example> написав(-ла):'],
  ['sr Gmail', 'пон, 3. мај 2027. у 10:02 Ann Lee <ann@shop.example> је написао/ла:'],
  ['hr Gmail', 'pon, 3. svi 2027. u 10:02 Ann Lee <ann@shop.example> napisao je:'],
  ['sl Gmail', 'V V pon., 3. maj 2027 ob 10:02 je oseba Ann Lee <ann@shop.example> napisala:'],
  ['lt Gmail', '2027-05-03, pr, 10:02 Ann Lee <ann@shop.example> rašė:'],
  ['lv Gmail', 'pirmd., 2027. g. 3. maijs, plkst. 10:02 — lietotājs Ann Lee (<ann@shop.example>) rakstīja:'],
  ['et Gmail', 'Kuupäev E, 3. mai 2027 kell 10:02 kirjutas Ann Lee <ann@shop.example>:'],
  ['ca Gmail', 'Missatge de Ann Lee <ann@shop.example> del dia dl., 3 de maig 2027 a les 10:02:'],
  ['eu Gmail', 'Ann Lee (ann@shop.example) igorleak hau idatzi du (2027(e)ko mai. 3(a), al. (10:02)):'],
  ['gl Gmail', 'O luns, 3 de maio de 2027 ás 10:02, Ann Lee (<ann@shop.example>) escribiu:'],
  ['tr Gmail', 'Ann Lee <ann@shop.example>, 3 May 2027 Pzt, 10:02 tarihinde şunu yazdı:'],
  ['tr Apple', 'Ann Lee <ann@shop.example> şunları yazdı (3 May 2027 10:02):'],
  [
    'he Gmail',
    '\u202bבתאריך יום ב׳, 3 במאי 2027 ב-10:02 מאת \u202aAnn Lee\u202c\u200f <\u202aann@shop.example\u202c\u200f>:\u202c',
  ],
  ['ar Gmail', 'في الاثنين، ٣ مايو ٢٠٢٧ في ١٠:٠٢ ص تمت كتابة ما يلي بواسطة Ann Lee <ann@shop.example>:'],
  ['ar Apple', 'في ٣ مايو ٢٠٢٧، في ١٠:٠٢ ص، كتب Ann Lee <ann@shop.example>:'],
  ['fa Gmail', 'در تاریخ دوشنبه ۳ مهٔ ۲۰۲۷،\u200f ۱۰:۰۲ Ann Lee <ann@shop.example> نوشت:'],
  ['hi Gmail', 'सोम, 3 मई 2027 को 10:02 am बजे को Ann Lee <ann@shop.example> ने लिखा:'],
  ['th Gmail', 'ในวันที่ จ. 3 พ.ค. 2027 เวลา 10:02 Ann Lee <ann@shop.example> เขียนว่า:'],
  ['vi Gmail', 'Vào Th 2, 3 thg 5, 2027 vào lúc 10:02 Ann Lee <ann@shop.example> đã viết:'],
  ['id Gmail', 'Pada tanggal Sen, 3 Mei 2027 pukul 10.02 Ann Lee <ann@shop.example> menulis:'],
  ['ms Gmail', 'Pada Isn, 3 Mei 2027 pada 10:02 PG Ann Lee <ann@shop.example> menulis:'],
  ['zh-CN Gmail', 'Ann Lee <ann@shop.example> 于2027年5月3日周一 10:02写道：'],
  ['zh-CN Apple', '2027年5月3日 10:02，Ann Lee <ann@shop.example> 写道：'],
  ['zh-CN 163', '在 2027-05-03 10:02:14，"Ann Lee" <ann@shop.example> 写道：'],
  ['zh-TW Gmail', 'Ann Lee <ann@shop.example> 於 2027年5月3日 週一 上午10:02寫道：'],
  ['ja Gmail', '2027年5月3日(月) 10:02 Ann Lee <ann@shop.example>:'],
  ['ja Apple', '2027/05/03 10:02、Ann Lee <ann@shop.example>のメール:'],
  ['ja Thunderbird', 'On 2027/05/03 10:02, Ann Lee wrote:'],
  ['ko Gmail', '2027년 5월 3일 (월) 오전 10:02, Ann Lee <ann@shop.example>님이 작성:'],
  ['ko Apple', '2027. 5. 3. 오전 10:02, Ann Lee <ann@shop.example> 작성:'],
  ['sq Gmail', 'Më hën, 3 maj 2027 në 10:02, Ann Lee <ann@shop.example> shkroi:'],
  ['af Gmail', 'Op Ma 03 Mei 2027 om 10:02 het Ann Lee <ann@shop.example> geskryf:'],
  ['a language nobody listed', 'Qo yamexi, 3 zoro 2027 qi 10:02, Ann Lee <ann@shop.example> xolotqa:'],
];

for (const [name, attribution] of ATTRIBUTIONS) {
  if (name === 'fr Orange') continue;
  test(`attribution, quote signs: ${name}`, () => {
    const quote = `${attribution}\n\n> Does it work?\n> Ann`;
    const found = splitReply({ plain: `Thank you, it does.\nBob\n\n${quote}\n`, html: null }, NOTHING);
    assert.equal(found.text, 'Thank you, it does.\nBob');
    assert.equal(found.quotedText.trim(), quote.trim());
  });
  // Without a bracket or a quote below it might be a line of a log.
  if (name !== 'en Tuta')
    test(`attribution, no quote signs: ${name}`, () => {
      const quote = `${attribution.trim()}\n\nDoes it work?\nAnn`;
      const found = splitReply({ plain: `Thank you, it does.\nBob\n\n${quote}\n`, html: null }, NOTHING);
      assert.equal(found.text, 'Thank you, it does.\nBob');
      assert.equal(found.quotedText, quote);
    });
  test(`attribution, bottom posting: ${name}`, () => {
    const found = splitReply({ plain: `${attribution}\n> Does it work?\n> Ann\n\nIt does.`, html: null }, NOTHING);
    assert.equal(found.text, 'It does.');
  });
  test(`attribution, wrapped: ${name}`, () => {
    const wrapped = wrap(attribution.trim(), 40);
    const found = splitReply({ plain: `Thank you, it does.\n\n${wrapped}\n> Does it work?`, html: null }, NOTHING);
    assert.equal(found.text, 'Thank you, it does.');
  });
}

function wrap(text: string, width: number): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join('\n');
}
