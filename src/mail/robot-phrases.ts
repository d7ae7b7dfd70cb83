/**
 * What robots write at the beginning of a subject, in the languages they speak: that somebody is away, or that his mail
 * has come in. People use the same words in sentences, so each answer says whether the phrase stands as a robot's does.
 * Nothing throws.
 */
import { stripReplyPrefixes } from './subject.js';

export interface SubjectPhrase {
  readonly words: string;
  /** At the very beginning, not behind a reply prefix, and with a colon or a bracket behind it, or alone. */
  readonly exact: boolean;
  /** What follows. */
  readonly rest: string;
}

/** How responders begin their subjects, by language, lower case. */
const RESPONSES: readonly string[] = [
  // English
  'automatic reply', 'automatic response', 'automated reply', 'automated response', 'auto reply', 'auto-reply',
  'autoreply', 'out of office autoreply', 'out of office reply', 'auto response', 'auto-response', 'autoresponse', 'auto:', 'out of office', 'out-of-office',
  'out of the office', 'ooo:', 'away from my mail', 'away from the office', 'on vacation', 'vacation reply',
  // German
  'automatische abwesenheitsnotiz', 'abwesenheitsmeldung', 'abwesenheitsnachricht', 'abwesenheitsassistent', 'urlaubsvertretung', 'automatische e-mail-antwort',
  'automatische antwort', 'automatische rückantwort', 'autom. antwort', 'abwesenheitsnotiz', 'abwesenheit',
  'abwesend', 'außer haus', 'nicht im büro',
  // French
  'absence du', 'réponse d’absence', 'message automatique', 'absente',
  'réponse automatique', 'reponse automatique', 'absence du bureau', "message d'absence", 'absence :', 'absent du bureau',
  // Spanish, Catalan
  'aviso de ausencia', 'mensaje de ausencia', 'ausente de la oficina', 'contestación automática',
  'respuesta automática', 'respuesta automatica', 'fuera de la oficina', 'fuera de oficina', 'resposta automàtica',
  // Portuguese
  'aviso de ausência', 'mensagem automática', 'fora do escritorio',
  'resposta automática', 'resposta automatica', 'ausência temporária', 'fora do escritório', 'ausência do escritório',
  // Italian
  'assente', 'messaggio di assenza', 'assenza',
  'risposta automatica', 'fuori sede', 'fuori ufficio', 'assenza dall',
  // Dutch
  'automatische afwezigheidsmelding', 'automatisch bericht', 'buiten kantoor',
  'automatisch antwoord', 'automatische beantwoording', 'afwezigheid', 'afwezig', 'niet aanwezig',
  // Swedish, Danish, Norwegian, Icelandic
  'automatisk besvarelse', 'automatisk frånvaromeddelande', 'frånvaromeddelande', 'ikke på kontoret',
  'autosvar', 'automatiskt svar', 'automatisk svar', 'frånvaro', 'fraværsmeddelelse', 'fravær', 'ikke til stede',
  'sjálfvirkt svar',
  // Finnish, Estonian, Latvian, Lithuanian
  'automaattinen vastaus', 'poissa toimistosta', 'poissaolo', 'automaatvastus', 'automātiska atbilde',
  'automātiskā atbilde', 'automatinis atsakymas',
  // Polish, Czech, Slovak
  'autoodpověď', 'nieobecność', 'nepřítomnost', 'neprítomnosť', 'mimo kanceláře',
  'autoodpowiedź', 'automatyczna odpowiedź', 'odpowiedź automatyczna', 'poza biurem', 'automatická odpověď',
  'mimo kancelář', 'automatická odpoveď',
  // Hungarian, Romanian
  'automatikus üzenet', 'házon kívül vagyok', 'în afara biroului',
  'automatikus válasz', 'házon kívül', 'răspuns automat',
  // Croatian, Serbian, Slovene
  'izvan ureda', 'odsutnost', 'odsoten',
  'automatski odgovor', 'аутоматски одговор', 'samodejni odgovor',
  // Bulgarian, Russian, Ukrainian
  'автоматическое уведомление об отсутствии', 'отсутствую в офисе', 'не в офисе', 'поза офісом',
  'автоматичен отговор', 'автоматический ответ', 'автоответ', 'вне офиса', 'автоматична відповідь', 'автовідповідь',
  // Greek, Turkish
  'αυτόματη απάντηση', 'εκτός γραφείου', 'otomatik yanıt', 'otomatik cevap', 'ofis dışında',
  // Hebrew, Arabic, Persian
  'תשובה אוטומטית', 'מענה אוטומטי', 'رد تلقائي', 'رد آلي', 'خارج المكتب', 'پاسخ خودکار',
  // Japanese, Chinese, Korean
  '自動応答', '自動返信', '不在通知', '自动回复', '自動回覆', '自动答复', '自動答覆', '自動回復', '外出自动回复',
  '자동 회신', '자동회신', '자동 응답', '자동응답', '부재중',
  // Thai, Vietnamese, Indonesian, Hindi
  'ตอบกลับอัตโนมัติ', 'การตอบกลับอัตโนมัติ', 'trả lời tự động', 'balasan otomatis', 'स्वचालित उत्तर',
]; // biome-ignore format: one language a line

/** It may stand in brackets or have letters: INC0012345, [#4711], 2026-17. */
const NUMBER = '(?:[ :]{0,2}[[(#]{0,3}[a-z]{0,8}[_-]?\\d[\\w./-]{0,30}[\\])]?)?';

/** How ticket systems say that a mail came in, by language. `…` stands for a number. */
const ACKNOWLEDGEMENTS: readonly string[] = [
  // English
  '(?:new )?(?:support |service )?(?:ticket|request|case|incident|enquiry|inquiry|issue|e-?mail|message)s?(?: id| number| no\\.?)?… (?:has been |have been |was |is )?(?:successfully )?(?:received|opened|created|logged|registered|submitted|recorded)(?: on your behalf| for you)?',
  "your (?:support |service )?(?:ticket|request|case|incident|enquiry|inquiry|e-?mail|message)… (?:has been |was |is )?(?:received|opened|created|logged|registered|submitted|recorded)",
  "we(?:'ve| have)? (?:got|received) your (?:ticket|request|enquiry|inquiry|e-?mail|message|question)…",
  'thank(?:s| you) for (?:contacting|your (?:request|enquiry|inquiry|message|e-?mail))(?: us)?',
  'acknowledge?ment(?: of receipt)?', 'confirmation of receipt', 'receipt confirmation', 'autoacknowledgement',
  // German
  '(?:ihre|deine|neue) (?:anfrage|nachricht|e-?mail|meldung|supportanfrage)… (?:ist (?:bei uns )?eingegangen|wurde (?:empfangen|registriert|erfasst|angelegt)|erhalten)',
  '(?:automatische )?(?:eingangs|empfangs)bestätigung…', 'ticket… (?:wurde )?(?:erstellt|eröffnet|angelegt|eingegangen)',
  'wir haben (?:ihre|deine) (?:anfrage|nachricht|e-?mail) erhalten',
  // French
  'accusé de réception', 'confirmation de réception',
  '(?:votre |nouvelle )?(?:demande|message|ticket|requête)… (?:a |est )?(?:bien )?(?:été )?(?:reçue?|enregistrée?|créée?|prise? en compte)',
  'nous avons bien reçu votre (?:demande|message|e-?mail)',
  // Spanish
  'acuse de recibo', 'confirmación de recepción', 'hemos recibido (?:su|tu) (?:solicitud|mensaje|consulta|correo)',
  '(?:su |tu )?(?:solicitud|ticket|consulta|caso|incidencia)… (?:ha sido )?(?:recibid[ao]|registrad[ao]|cread[ao])',
  // Portuguese
  'confirmação de (?:recebimento|receção)', 'recebemos (?:a |o )?(?:sua|seu) (?:solicitação|mensagem|pedido|chamado|e-?mail)',
  '(?:seu |sua )?(?:chamado|ticket|solicitação|pedido)… (?:foi )?(?:recebid[ao]|registrad[ao]|criad[ao]|abert[ao])',
  // Italian
  'conferma di ricezione', 'abbiamo ricevuto la (?:sua|tua|vostra) (?:richiesta|segnalazione|mail|e-?mail)',
  '(?:ticket|richiesta|segnalazione)… (?:è stat[ao] )?(?:ricevut[ao]|creat[ao]|apert[ao]|registrat[ao])',
  // Dutch
  'ontvangstbevestiging', '(?:wij|we) hebben (?:uw|je) (?:bericht|vraag|aanvraag|e-?mail) ontvangen',
  '(?:uw |je )?(?:ticket|melding|verzoek|aanvraag)… (?:is )?(?:ontvangen|aangemaakt|geregistreerd)',
  // Swedish, Danish, Norwegian, Finnish
  'mottagningsbekräftelse', 'vi har (?:tagit emot|mottagit) ditt (?:ärende|meddelande|mejl)',
  '(?:ditt )?ärende… (?:har )?(?:skapats|registrerats|mottagits|skapat|mottaget|registrerat)',
  'vi har (?:modtaget|mottatt) din (?:henvendelse|besked|e-?mail|mail)',
  'din (?:henvendelse|sag|sak)… (?:er )?(?:modtaget|mottatt|oprettet|opprettet|registreret|registrert)',
  'olemme vastaanottaneet viestisi', '(?:viestisi|tukipyyntösi|pyyntösi)… on (?:vastaanotettu|kirjattu)',
  // Polish, Czech, Slovak, Hungarian, Romanian
  'potwierdzenie (?:otrzymania|przyjęcia|zgłoszenia)', '(?:twoje |państwa )?zgłoszenie… zostało (?:przyjęte|zarejestrowane|utworzone)',
  'potvrzení (?:o )?přijetí', 'potvrdenie (?:o )?prijatí', '(?:váš |vaše )?(?:požadavek|požiadavka|tiket)… (?:byl|bol)a? (?:přijat|prijat|zaregistrován|vytvořen|vytvoren)[aáo]?',
  '(?:megkaptuk|rögzítettük) (?:az )?(?:üzenetét|levelét|bejelentését)', 'am primit (?:mesajul|solicitarea|cererea)(?: dvs\\.?| dumneavoastră)?',
  // Russian, Ukrainian, Bulgarian, Greek, Turkish
  '(?:ваш[аеу]? )?(?:запрос|заявка|обращение|заявку|тикет)… (?:был[аои]? )?(?:принят|получен|зарегистрирован|создан)[аоы]?',
  '(?:ваш[ае]? )?(?:запит|заявку|звернення)… (?:було )?(?:прийнято|отримано|зареєстровано|створено)',
  'получихме вашето (?:запитване|съобщение)', 'λάβαμε το (?:μήνυμα|αίτημά?) σας',
  '(?:talebiniz|mesajınız|başvurunuz|destek talebiniz)… (?:alındı|alınmıştır|oluşturuldu|oluşturulmuştur|kaydedildi)',
  // Japanese, Chinese, Korean
  '(?:お問い?合わせ|お問合せ)(?:を)?(?:受付|受け付け|ありがとう)(?:完了|のお知らせ|ました|いたしました|ございます|ございました)?', '(?:受付|受信)(?:完了|確認)(?:のお知らせ|メール)?',
  '(?:您的|你的)?(?:工单|工單|请求|請求|反馈|咨询)… ?(?:已(?:经)?)?(?:创建|建立|收到|受理|提交)(?:成功)?', '我们已(?:经)?收到您的(?:邮件|请求|来信)',
  '(?:문의|요청|티켓)(?:가|이)?… ?(?:정상적으로 )?(?:접수|등록)(?:되었습니다|완료)?',
]; // biome-ignore format: one language a line

/** How letters say that a program wrote them, or that a ticket was opened. */
const GENERATED = new RegExp(
  [
    'auto(?:mated|matic|matically)?[- ](?:generated|sent|created|message|response|reply|e-?mail|notification)',
    '(?:ticket|request|case|incident|issue)… (?:has been|was|is) (?:successfully )?(?:received|opened|created|logged|registered)',
    'confirming that we (?:got|received) your', 'need not (?:answer|reply)',
    'automatisch (?:erstellt|erzeugt|generiert|versendet|verschickt)', 'automatische (?:antwort|nachricht|e-?mail|bestätigung)',
    'ticket… (?:wurde|ist) (?:erstellt|eröffnet|angelegt|eingegangen)',
    '(?:message|courriel|e-?mail|réponse) automatique', '(?:généré|envoyé)e? automatiquement',
    '(?:mensaje|correo|respuesta) automátic[oa]', '(?:generado|enviado) automáticamente',
    '(?:mensagem|resposta) automática', '(?:gerad|enviad)[ao] automaticamente',
    '(?:messaggio|risposta) automatic[oa]', '(?:generat|inviat)[oa] automaticamente',
    'automatisch (?:gegenereerd|verzonden|bericht)', 'automatiskt (?:genererat|skapat|svar)', 'automatisk (?:genereret|generert|svar|besked)',
    'automaattinen viesti', 'automatycznie', 'wiadomość automatyczna', 'automaticky (?:vygenerov|vytvoř)', 'automatikusan', 'автоматически', 'автоматичн', 'otomatik olarak',
    '自動(?:返信|送信|応答|配信)', '自动(?:回复|发送|生成)', '자동 ?(?:발송|응답|회신)',
  ]
    .join('|')
    .replaceAll('…', NUMBER),
); // biome-ignore format: one language a line
// The longest first: what follows it tells.
const RESPONSE = new RegExp(`^(?:${[...RESPONSES].sort((a, b) => b.length - a.length).join('|')})`);
const ACKNOWLEDGEMENT = new RegExp(`^(?:${ACKNOWLEDGEMENTS.join('|')})`.replaceAll('…', NUMBER));

/** The phrase of a responder at the subject's beginning, or null. */
export function responderPhrase(subject: string): SubjectPhrase | null {
  return phraseOf(subject, [RESPONSE]);
}

/** The phrase of a responder, or of a ticket system that acknowledges a mail, at the subject's beginning, or null. */
export function robotPhrase(subject: string): SubjectPhrase | null {
  return phraseOf(subject, [RESPONSE, ACKNOWLEDGEMENT]);
}

/** What a ticket system says of its own letter, or null; its people write neither. */
export function acknowledges(text: string): string | null {
  const folded = text.normalize('NFC').replaceAll('’', "'").toLowerCase().replaceAll(/\s+/g, ' ');
  return GENERATED.exec(folded)?.[0] ?? null;
}

/** Ticket systems write their number first: `[firm.example #4711] `, `(Ticket 4711) `, `#4711: `. */
const TAG = /^(?:[[(【][^\])】]{0,80}\d[^\])】]{0,40}[\])】]|#\d{1,12}:?)\s*/;
/** A colon or a bracket, or nothing more. A ticket system may use a dash; a person's sentence has one too. */
const END = /^(?:[.!]*$|\s?[:：\])}】»”"|])/;

function phraseOf(subject: string, kinds: readonly RegExp[]): SubjectPhrase | null {
  const bare = stripReplyPrefixes(subject);
  const text = bare
    .normalize('NFC')
    .replaceAll('’', "'")
    .replace(TAG, '')
    .replace(/^[[({【\s]+/, '')
    .toLowerCase();
  for (const phrases of kinds) {
    const words = phrases.exec(text)?.[0];
    if (words === undefined) continue;
    const rest = text.slice(words.length);
    const ends = END.test(rest) || (phrases === ACKNOWLEDGEMENT && /^\s[-–—~]/.test(rest));
    return { words, exact: bare.length === subject.length && ends, rest };
  }
  return null;
}
