/**
 * Delimiter lines and device lines. A delimiter makes the rest of the writer's words a signature. A device line ("Sent
 * from my iPhone") is one line that the program wrote. Sign-offs and names are the writer's own.
 *
 * `-- ` alone always delimits. Another row of dashes or signs delimits only what looks like a signature, and not where
 * it underlines a heading or rules a table. A sentence that only begins like a device line is a sentence. In doubt it is
 * text.
 */
import { NAMELIKE_SALUTATIONS, SALUTATIONS, UNSPACED_SALUTATIONS } from './languages.js';
import { isBlank, type Line, lowered } from './lines.js';

/** A signature under a row of signs has at most so many filled lines, and no sentence of more characters. */
const SIGNATURE_LINES = 10;
const LONG_SENTENCE = 120;

/** True when this line ends the writer's text and begins a signature, which lies before `end`. */
export function isDelimiter(lines: readonly Line[], index: number, end = lines.length): boolean {
  const line = lines[index]!;
  if (line.mark !== null || line.depth > 0) return false;
  const text = line.body.trim();
  if (text === '--') return true;
  const row = /^(?:—|–|-{2,}|_{2,}|[–—―─ᐧ]+|‐{2,})$/.test(text);
  if (!row && !/^(?:={3,}|\*{3,}|~{3,}|#{3,}|\+{3,})$/.test(text)) return false;
  if (text.length > 1) {
    const above = lines[index - 1];
    const below = lines[index + 1];
    const textAbove = above !== undefined && !isBlank(above) && above.depth === 0;
    const textBelow = below !== undefined && !isBlank(below) && below.depth === 0;
    if (textAbove && textBelow) return false;
    // An underline as long as the heading above it.
    if (textAbove && text.length >= 4 && Math.abs(text.length - above.body.trim().length) <= 2) return false;
  }
  return isSignature(lines, { from: index + 1, end }, row ? null : text);
}

/**
 * True when what stands from there on looks like a signature: few lines, nobody greeted, nothing asked, no long
 * sentence. `sign` is the row that must not come again.
 */
function isSignature(
  lines: readonly Line[],
  { from, end }: { from: number; end: number },
  sign: string | null,
): boolean {
  let filled = 0;
  for (let index = from; index < end; index++) {
    const line = lines[index]!;
    if (line.depth > 0 || line.mark !== null) break;
    if (isBlank(line)) continue;
    if (++filled > SIGNATURE_LINES || line.body.trim() === sign) return false;
    const key = line.key.replace(/(?:https?:|www\.)\S+/gi, '');
    if (/[?？؟;]["'”»)]?$/.test(key) && isQuestion(key)) return false;
    if (SALUTATION.test(lowered(line.key.slice(0, 60)))) return false;
    if (key.length > LONG_SENTENCE && longestSentence(key) > LONG_SENTENCE) return false;
  }
  return filled > 0 || sign === null;
}

/** A Greek question ends with a semicolon. */
function isQuestion(key: string): boolean {
  return !/;["'”»)]?$/.test(key) || /[\u0370-\u03ff]/.test(key);
}

function longestSentence(key: string): number {
  return Math.max(...key.split(/[.!?。！？](?=\s|$)|[。！？]/).map(sentence => sentence.trim().length));
}

/**
 * True for a line that a device or mail program added below the words of its user, in any known language. The last line
 * of a text may name a device that nobody has heard of: "Sent from my" and a name of a few words, or a name with a link
 * behind it. Words that may be anything must stand apart from the text above.
 */
export function isDeviceLine(line: Line, last?: { readonly apart: boolean }): boolean {
  return isFramed(line, (device, pattern) => {
    if (isDevice(device) && (!OFFERS.has(pattern) || MAIL_PROGRAM.test(device))) return true;
    if (last === undefined) return false;
    const linked = /https?:/i.test(line.key);
    const { apart } = last;
    return OFFERS.has(pattern) ? linked && isDevice(device) : isUnknownDevice(device, pattern, { linked, apart });
  });
}

function isFramed(line: Line, isNamed: (device: string, pattern: string) => boolean): boolean {
  if (line.mark !== null && line.mark !== 'signature') return false;
  if (line.depth > 0 || line.key.length < 6 || line.key.length > 240) return false;
  const text = bareText(line.key);
  if (text.length < 6 || text.length > 140) return false;
  if (VIRUS_LINE.test(text)) return true;
  const [first, rest] = firstSentence(text);
  const lower = lowered(first);
  if (!PREFIXES.test(lower) && !SUFFIXES.test(lower)) return false;
  const fits = ([prefix, suffix]: Pattern): boolean => {
    if (!lower.startsWith(prefix) || !lower.endsWith(suffix) || lower.length < prefix.length + suffix.length)
      return false;
    const device = first.slice(prefix.length, first.length - suffix.length).trim();
    return isNamed(device, prefix + suffix);
  };
  return (rest === '' || EXCUSE.test(rest)) && PATTERNS.some(fits);
}

/** Without the addresses that clients put behind links, and without dashes or brackets around. */
function bareText(key: string): string {
  let text = key.replaceAll('’', "'");
  if (/https?:|www\./i.test(text)) {
    text = text.replace(/[<[(]\s*(?:https?:|www\.)[^>\])\s]*\s*[>\])]/gi, '').replace(/https?:\/\/\S+$/i, '');
  }
  text = text.replace(/^[-–—_~\s]+|[-–—_~\s]+$/g, '');
  const inner = /^[[(【「（<]\s*(.*?)\s*[\])】」）>]\.?$/.exec(text)?.[1];
  // `Sent from [Name](https://...)`, as Markdown writes a link.
  return (inner ?? text).replace(/\[([^[\]]{1,60})\]$/, '$1');
}

// What a virus scanner hangs below a mail.
const VIRUS_LINE =
  /^(?:virus-free|virenfrei|sans virus|libre de virus|privo di virus|virusvrij|livre de vírus)\.?\s*(?:www\.\w+\.\w+)?$/i;

const EXCUSE =
  /excus|brevity|typo|short|autocorrect|tippfehler|kürze|entschuldig|verzeih|disculp|brevedad|fautes|bref|scus|brevit|errori|kort|fejl|fel|skriv|beknopt|typefout|desculp|brevidade|krótk|błęd|краткост|опечатк|www\.|https?:|secure|download|get /i;

function firstSentence(text: string): [string, string] {
  const stop = text.search(/[.!。](?:\s|$)/);
  if (stop === -1) return [text, ''];
  return [text.slice(0, stop).trim(), text.slice(stop + 1).trim()];
}

/** [words in front of the device, words behind it], lower case. */
type Pattern = readonly [string, string];

export const PATTERNS: readonly Pattern[] = [
  'sent from|; sent via|; sent with|; sent using|; sent by|; get|; this email was sent from|',
  'this message was sent from|; composed on|; typed on|; written on|; sent on|; mailed from|; download|',
  'von|gesendet; gesendet von|; gesendet mit|; gesendet vom|; gesendet über|; von|verschickt; versendet mit|',
  'verschickt von|; vom|gesendet; diese nachricht wurde von|gesendet; diese e-mail wurde von|gesendet',
  'mit|gesendet; holen sie sich|; |herunterladen; |beziehen; meine e-mail wurde von|gesendet',
  "envoyé de|; envoyé depuis|; envoyé à partir d'|; envoyé à partir de|; envoyé avec|; envoyé via|",
  "envoyé d'|; télécharger|; téléchargez|; obtenir|; envoyée depuis|; envoyé par|",
  'provenance : courrier pour|; provenance : |',
  'enviado desde|; enviado con|; enviado a través de|; enviado mediante|; obtener|; obtén|; descargar|',
  'enviado de|; enviado por|; enviado do|; enviado da|; enviado pelo|; enviado através do|',
  'enviado através da|; enviado via|; enviado a partir do|; enviada do|; enviado com|; obter o|; obter|',
  'baixar|; obtenha o|; enviat des de|; enviat des del|; enviado dende|',
  'inviato da|; inviato dal|; inviato con|; inviato tramite|; inviato via|; ottieni|; scarica|; inviata da|',
  "inviato dallo|; inviato dall'|; scaricare|",
  'verzonden vanaf|; verzonden met|; verzonden via|; verstuurd vanaf|; verstuurd met|; verzonden vanuit|',
  '|downloaden; download|; vanaf|verzonden; haal|; verstuurd via|',
  'sendt fra|; sendt via|; sendt med|; hent|; skaff deg|; få|; skickat från|; skickat via|; skickat med|',
  'skickades från|; hämta|; ladda ned|; skaffa|; sent fra|; sent úr|; lähetetty|; hanki|; lataa|',
  'lähettäjä:|',
  'wysłane z|; wysłano z|; wysłano za pomocą|; wysłane za pomocą|; wysłana z|; pobierz|; uzyskaj|',
  'odesláno z|; odesláno ze|; odesláno pomocí|; získejte|; stáhnout|; posláno z|; odoslané z|; odoslané zo|',
  'odoslané pomocou|; získajte|; stiahnuť|; poslano s|; poslano sa|; poslano z|; poslano iz|; poslato sa|',
  'preuzmite|; pridobite|; dobite|',
  'отправлено с|; отправлено из|; отправлено через|; отправлено при помощи|; скачать|; получить|; послано с|',
  'надіслано з|; надіслано із|; надіслано через|; відправлено з|; завантажити|; отримати|; изпратено от|',
  'изпратено с|; изпратено чрез|; вземете|; послато са|; послато помоћу|; испратено од|; адпраўлена з|',
  'trimis de pe|; trimis din|; trimis prin|; trimis cu|; obțineți|; descărcați|; elküldve|; elküldve innen|',
  '|küldve; |elküldve; |küldtem; küldve:|; |beszerzése; στάλθηκε από|; εστάλη από|; στάλθηκε μέσω|',
  'απεστάλη από|; αποστολή από|; λήψη|; αποκτήστε|',
  "|gönderildi; |'dan gönderildi; |edinin; |indirin; |yükleyin; |ile gönderildi; נשלח מ|; נשלח מ-|",
  'נשלח באמצעות|; נשלח דרך|; קבל את|; השג את|; أُرسلت من|; أرسلت من|; أُرسل من|; أرسل من|; تم الإرسال من|',
  'تم إرساله من|; مرسل من|; مُرسل من|; الحصول على|; احصل على|; ارسال شده از|; از|فرستاده شده',
  'فرستاده شده از|',
  'ส่งจาก|; ส่งจาก|ของฉัน; ส่งด้วย|; รับ|; đã gửi từ|; gửi từ|; được gửi từ|; tải|; tải xuống|',
  'dikirim dari|; terkirim dari|; dikirim dengan|; dikirim menggunakan|; dapatkan|; unduh|; dihantar dari|',
  'dihantar daripada|; ipinadala mula sa|; ipinadala gamit ang|',
  '发自我的|; 发自|; 从我的|发送; 從我的|傳送; 從我的|發送; 来自我的|; 我的|发送; 傳自我的|; 寄自我的|; 發自我的|; 使用|发送; 发送自|; 發送自|; 傳送自|; 获取|; 取得|',
  '下载|; 从|发送; 從|傳送; 通过|发送; 由我的|发送; 来自|的邮件',
  '|から送信; |より送信; 私の|から送信; |で送信; |から送信されました; |を入手; |をダウンロード; |を入手する; 나의|에서 보냄; 내|에서 보냄; |에서 보냄; |에서 보냈습니다',
  '|에서 보내드립니다; |에서 전송; |에서 보낸 메일; |다운로드; |받기; 내|에서 전송됨; |에서 전송함',
  'saadetud|; saadetud minu|; hangi|; nosūtīts no|; išsiųsta iš|; išsiųsta naudojant|; parsisiųskite|',
  'मेरे|से भेजा गया; |से भेजा गया; |থেকে পাঠানো; dërguar nga|; bidalita|; nire|bidalia; anfonwyd o|',
  'seolta ó|; gestuur vanaf|; gestuur van|; gönderen:|; dari|saya; |arabera bidalia; göndərildi|',
  '|göndərilib; გაგზავნილია|; sendita de|',
].flatMap(row =>
  row.split('; ').map(entry => {
    const [prefix = '', suffix = ''] = entry.split('|');
    return [prefix, suffix] as const;
  }),
);

// Any prefix, and any suffix that has no prefix: two looks at a line instead of 300. The words hold no signs of patterns.
const PREFIXES = new RegExp(`^(?:${wordsOf(PATTERNS.map(([prefix]) => prefix))})`);
const SUFFIXES = new RegExp(`(?:${wordsOf(PATTERNS.map(([prefix, suffix]) => (prefix === '' ? suffix : '')))})$`);

function wordsOf(words: readonly string[]): string {
  return words.filter(word => word !== '').join('|');
}

// "Get Outlook for iOS": such a line names a mail program, else somebody asks for something.
const OFFERS: ReadonlySet<string> = new Set(
  [
    'get|download|holen sie sich|herunterladen|beziehen|télécharger|téléchargez|obtenir|obtener|obtén|descargar|obter o|obter',
    'baixar|obtenha o|ottieni|scarica|scaricare|downloaden|haal|hent|skaff deg|få|hämta|ladda ned|skaffa|hanki|lataa|pobierz',
    'uzyskaj|získejte|stáhnout|získajte|stiahnuť|preuzmite|pridobite|dobite|скачать|получить|завантажити|отримати|вземете',
    'obțineți|descărcați|beszerzése|λήψη|αποκτήστε|edinin|indirin|yükleyin|קבל את|השג את|الحصول على|احصل على|รับ|tải|tải xuống',
    'dapatkan|unduh|获取|取得|下载|を入手|をダウンロード|を入手する|다운로드|받기|hangi|parsisiųskite',
  ].flatMap(row => row.split('|')),
);
const MAIL_PROGRAM = /outlook|mail|spark|boomer|typeapp|canary|newton|edison/i;

// Names of devices and mail programs; one of them, or a name written like one (iPhone, SM-G998B), must be there.
const DEVICE = new RegExp(
  [
    'iphon|ipad|ipod|i ?cloud|apple|ios(?![a-z])|macbook|imac|android|galaxy|samsung|huawei|honor|xiaomi|redmi',
    'poco|oppo|vivo|oneplus|realme|pixel|motorola|moto|nokia|lumia|xperia|sony|htc|lenovo|asus|zenfone',
    'lg(?![a-z])|zte|fairphone|blackberry|treo|palm|windows|outlook|hotmail|office|gmail|yahoo|aol|proton',
    'tutanota|gmx|web\\.de|t-online|freenet|mail|posta|poczta|correo|courrier|courriel|почт|電郵|邮箱|メール|메일',
    'samsung|thunderbird|spark|airmail|k-9|fairemail|aquamail|bluemail|blue mail|newton|superhuman|mailspring',
    'mimestream|hey(?![a-z])|fastmail|zoho|nine|edison|boomer|canary|typeapp|mobil|móvil|movil|celular',
    'téléphone|telephone|telefon|teléfono|telefono|cellulare|cellphone|phone|handy|handheld|smartphone|tablet',
    'tablette|tableta|puhelin|wireless|laptop|gerät|device|dispositivo|appareil|кпк|телефон|смартфон|планшет',
    'мобильн|айфон|айпад|手机|手機|电脑|スマートフォン|ドコモ|휴대폰|อุปกรณ์|โทรศัพท์|điện thoại|הנייד|الهاتف|هاتف|جوال|κινητό',
    'τηλέφωνο|微信|企业微信|钉钉|飞书|wechat|wecom|dingtalk|feishu|missive|shortwave',
  ].join('|'),
  'iu',
);
/** How somebody is greeted, at the beginning of a line in lower case. */
const SALUTATION = new RegExp(
  `^(?:(?:${SALUTATIONS.join('|')})(?![\\p{L}\\p{N}-])(?! gr[uü](?:ß|ss)| wünsche| hälsning| hilsen| groet)|(?:${NAMELIKE_SALUTATIONS.join('|')}) [^,!:]+[,!:]$|${UNSPACED_SALUTATIONS.join('|')}|[^、。]{1,12}様[、,]?$)`,
  'u',
);

const MADE_NAME = /\p{Ll}\p{Lu}|\p{Lu}+-?\d/u;

// Small words between and around the names; any other word in lower case makes it a sentence.
const SMALL: ReadonlySet<string> = new Set(
  [
    'secure encrypted sécurisé sicher verschlüsselt systemu systému program programu auf системы системи älypuhelimesta',
    'my best free work a an the for on in of to via with by and using app application mobile mail email e-mail phone device',
    'smartphone tablet handheld wireless network',
    'mein meine meinem meiner meinen dem der die das für mit über von vom und unter aus handy mobiltelefon',
    'gerät smartphone mail app',
    "mon ma mes le la les pour sous sur de du d' téléphone portable mobile appareil tablette courrier",
    'messagerie smartphone',
    'mi mis el los las para en con por dispositivo móvil teléfono celular tableta y correo',
    'meu minha o os as no na pelo da do dispositivo telemóvel telefone smartphone com para e',
    'il lo i gli mio mia dal dalla dallo per con su cellulare telefono dispositivo smartphone e',
    'mijn het een voor met op van toestel telefoon mobiel apparaat',
    'min mitt mit mine minn fra från för för på til till med via mobil mobiltelefon enhet enhed telefon',
    'smarttelefon surfplatta och og',
    'omasta minun puhelimesta laitteesta mobiililaitteesta älypuhelimesta androidille iosille sähköposti',
    'mojego mojej mój moje z ze na dla telefonu urządzenia smartfona komórki smartfonu i',
    'mého mojeho mojho môjho mé moje zařízení zariadenia telefonu telefónu mobilu mobilního pro na pre a',
    'mog moga mojeg mojega moj mojej moje mojom uređaja telefona mobitela mobilnog naprave za od na i',
    'моего моей мой мобильного устройства телефона для на под с со и почты почта смартфона планшета',
    'мого моєї мій пристрою телефону телефона для на моето моя моят устройство телефон за от мог мобилног',
    'телефона uređaja помоћу',
    'meu mea de pe pentru dispozitivul telefonul meu tableta',
    'saját az a telefonomról készülékemről mobilomról androidos rendszerre mobiltelefonomról innen',
    'το τη την τον μου για από στο κινητό συσκευή τηλέφωνο',
    'için ile cihazımdan telefonumdan benim mobil akıllı uygulaması uygulamasını uygulamasından',
    'של שלי ל ה מה מכשיר הטלפון עבור ב',
    'من على لـ ل الـ الخاص بي بـ جهاز هاتفي هاتف عبر تطبيق لنظام نظام',
    'ของฉัน สำหรับ บน',
    'của tôi cho trên thiết bị di động điện thoại dành',
    'saya untuk di perangkat ponsel dari daripada peranti telefon aking ko',
    'minu nutitelefonist telefonist seadmest mana manas ierīces tālruņa mano telefono įrenginio skirta',
    'del meu meva mòbil dispositiu per a nire gailutik',
    '의 내 나의 용',
  ].flatMap(row => row.normalize('NFC').split(' ')),
);

function isDevice(device: string): boolean {
  // Scripts without case or spaces: a name is short.
  if (/[\u0590-\u06ff\u0900-\u0e7f\u3040-\ud7af]/.test(device) && device.length > 40) return false;
  if (/[、，。؟？]/.test(device)) return false;
  const words = device.split(/[\s,/()[\]|&+®™]+/).filter(word => word !== '');
  if (words.length === 0 || words.length > 12) return false;
  if (!DEVICE.test(device) && !MADE_NAME.test(device)) return false;
  return words.every(word => isDeviceWord(word));
}

// "my" in front of or in the name; the frames of scripts without spaces hold it themselves.
const MINE =
  /(?:^|[\s'’])(?:my|meine[mrn]?|mon|ma|mi|mis|meu|minha|mio|mia|mijn|min|mitt|minn|minun|omasta|mojego|mojej|m[eé]ho|moj(?:eho|ej|e|og|om|i|ega)|môjho|моего|моей|моєї|мого|моя|моето|мој(?:ог|а)|meu|mea|saját|μου|הנייד שלי|שלי|ของฉัน|của tôi|saya|aking|ko|minu|mana|manas|mano|meva|nire|الخاص بي)(?=$|[\s'’])/u;
// Frames whose languages say it with an ending of the name, or not at all.
const NAME_FRAMES = /^(?:lähetetty|から送信|より送信|で送信|küldve|gönderildi|에서 보냄|에서 전송됨)$/;
const MINE_FRAMES = /我的|私の|나의|내\||내에서|ของฉัน|मेरे|nire|saya/;

/** `linked` a link stands behind it, `apart` it is a paragraph of its own. */
function isUnknownDevice(
  device: string,
  pattern: string,
  { linked, apart }: { linked: boolean; apart: boolean },
): boolean {
  const mine =
    MINE.test(lowered(device)) || MINE_FRAMES.test(pattern) || (NAME_FRAMES.test(pattern) && /^\p{Lu}/u.test(device));
  if (!mine && !linked) return false;
  if (device === '' || device.length > 40 || /[,;:!?、，。؟？]/.test(device)) return false;
  const words = device.split(/[\s/()[\]|&+®™]+/).filter(word => word !== '' && !SMALL.has(lowered(word)));
  return words.length <= 4 && (words.every(word => isDeviceWord(word)) || (mine && apart && words.length <= 2));
}

function isDeviceWord(word: string): boolean {
  const bare = word.replace(/^[-“”"'«»:„]+|[“”"'«»:,.]+$/g, '').normalize('NFC');
  const lower = lowered(bare);
  if (bare === '' || SMALL.has(lower) || /^\d/.test(bare) || /\p{Lu}/u.test(bare)) return true;
  // Scripts without case, and brands with endings of the language (iPhonesta, iPhonu).
  return !/\p{Ll}/u.test(bare) || DEVICE.test(bare);
}
