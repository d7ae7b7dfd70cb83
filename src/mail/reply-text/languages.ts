/**
 * What mail programs write around a quote, in the languages people have set them to: the verbs and openers of
 * attribution lines, the labels of header blocks, and the words of "original message" and "forwarded message" lines.
 * Plain tables: how a line is matched stands in `attribution.ts` and `header-block.ts`. All entries in lower case,
 * composed (NFC), without formatting. Adding a language is adding rows; nothing else knows which ones exist.
 */

/** Verbs that stand at the end of an attribution: `On …, Bob wrote:`. */
export const CLOSING_VERBS: readonly string[] = words([
  'wrote|writes|wrote the following|has written|sent the following', // English
  'schrieb|schreibt|schrieb folgendes|geschrieben|hat geschrieben', // German
  'a écrit|a ecrit|écrivait|a écrit ce qui suit|écrit', // French
  'escribió|escribio|escribe|ha escrito|escribió lo siguiente', // Spanish
  'escreveu|escreve|escreveu o seguinte', // Portuguese
  'ha scritto|scrive|scrisse|ha scritto quanto segue', // Italian
  'va escriure|ha escrit|escrigué|escribiu|idatzi du|hau idatzi du', // Catalan, Galician, Basque
  'schreef|schreef het volgende|heeft geschreven|skryf|geskryf', // Dutch, Afrikaans
  'skrev|skrev følgende|skrev följande|skrifaði|skrivaði|skreiv', // Scandinavian
  'kirjoitti|kirjoittaa|kirjoitti näin', // Finnish
  'kirjutas|kirjutas järgmist|rakstīja|rakstija|rašė|parašė|rase', // Baltic
  'napisał|napisała|napisał(a)|napisał/a|pisze|napisała(a)', // Polish
  'napsal|napsala|napsal(a)|napsal/a|píše|napísal|napísala|napísal(a)|napísal/a', // Czech, Slovak
  'написал|написала|написал(а)|написал(a)|написал/а|пишет|написал следующее', // Russian
  'you wrote|schrieben sie|vous écriviez|вы писали|ви писали|вы написали|pisałeś|napisałeś|napisałaś|scrivesti', // The Bat!
  'написав|написав(ла)|написав(-ла)|пише|напісаў|напісаў(-ла)|піша', // Ukrainian, Belarusian
  'написа|написа следното|напиша|написал(а) следното', // Bulgarian, Macedonian
  'је написао|је написала|је написао/ла|написао је|написала је|написао|је написао(-ла)', // Serbian
  'napisao je|napisala je|je napisao|je napisala|je napisao/la|napisao|napisao/la|napisao/la je',
  'je napisal|je napisala|je napisal/-a|napisal|napisala|piše|je napisal/a', // Croatian, Slovenian
  'a scris|a scris următoarele|scrie', // Romanian
  'ezt írta|írta|a következőt írta|ezt irta', // Hungarian
  'έγραψε|έγραψε τα εξής|εγραψε|γράφει', // Greek
  'yazdı|şunu yazdı|şunları yazdı|yazmış|yazıb|yazdi', // Turkish, Azerbaijani
  'כתב|כתבה|כתב/ה|כתב/ה:|כתב את הדברים הבאים|כתב(ה)', // Hebrew
  'كتب|كتبت|كتب ما يلي|كتب/كتبت', // Arabic
  'نوشت|نوشته|نوشته است|نوشتند|نے لکھا', // Persian, Urdu
  'เขียนว่า|เขียน|ได้เขียนว่า|ได้เขียน', // Thai
  'đã viết|viết|đã viết như sau', // Vietnamese
  'menulis|telah menulis|ditulis|wrote:|sumulat|isinulat ni|sinulat ni', // Indonesian, Malay, Filipino
  '写道|寫道|写到|寫到|写|來信|写信说', // Chinese
  'のメール|さんは書きました|さんが書きました|が書きました|は書きました|さんのメッセージ|書き込み', // Japanese
  '작성|님이 작성|님이 씀|님이 쓴 글|씀|님이 다음을 작성함|썼습니다|님의 말', // Korean
  'ने लिखा|ने लिखा है|लिखा|লিখেছেন|লিখেছে|எழுதியது|எழுதினார்|రాశారు|लिहिले|એ લખ્યું', // Indic
  'shkroi|ka shkruar|ysgrifennodd|scríobh|skribis|დაწერა|գրել է|aliandika|бичжээ|жазды',
]);

/** Verbs that may stand before the name: `Am … schrieb Bob:`. All of them may close a line as well. */
export const MIDDLE_VERBS: readonly string[] = words([
  'schrieb|schreef|skrev|skryf|kirjutas|escribió|escreveu|a écrit|ha scritto|wrote',
  'ezt írta|írta|napisał(a)|napisał|napsal|napsal(a)|napísal|написал|написав|написа|écrivait',
  'писали|написали|писал|писала|писав|пише|schrieben sie|vous écriviez|vous avez écrit|escribiste|napisałeś|napisałaś',
  'scríobh|ysgrifennodd|va escriure|skrifaði|a scris|έγραψε|كتب|כתב|isinulat ni|تمت كتابة',
]);

/** Words a date-first attribution opens with: `On Mon, …`, `Am 3.5.`, `W dniu …`. Used to find where it begins. */
export const OPENERS: readonly string[] = words([
  'on|at|am|den|le|el|il|il giorno|op|em|no dia|a|em qua|o|il dì',
  'w dniu|dnia|dne|dňa|la data de|pe|în data de|în|în ziua de|in data|data|dana|dne.',
  'στις|την|на|в|у|от|дана|kuupäeval|kuupäev|v|tirsdag|vào|vào lúc|vào ngày|ngày',
  'pada|pada tanggal|pada hari|noong|ในวันที่|เมื่อ|เมื่อวันที่|في|بتاريخ|در|در تاریخ|בתאריך|ב-|ביום',
  '在|于|於|på|dia|el dia|el día|missatge de|më',
]);

/** Words of the first or second person before a verb: a person's own sentence ("On Monday I wrote:"), no client's. */
export const PRONOUNS: ReadonlySet<string> = new Set(
  words([
    'i|you|we|they|he|she|it|who|ich|sie|wir|er|du|ihr|man|vous|nous',
    "j'ai|tu|ik|u|je|jij|jullie|hij|zij|io|voi|lei|yo|usted|ustedes|eu|você",
    'jag|jeg|vi|ni|de|det|ja|my|pan|pani|я|вы|мы|ты|ви|ми|eles|ele|ela|on|ona',
  ]),
);

/** How a mail begins: no signature holds such a line. */
export const SALUTATIONS: readonly string[] = words([
  'dear|hi|hello|hey|greetings|good morning|good afternoon|good evening|to whom it may concern',
  'hallo|guten tag|guten morgen|guten abend|sehr geehrte|sehr geehrter|liebe|lieber|moin|grüß gott|servus zusammen',
  'bonjour|bonsoir|chère|chers|chères|madame|monsieur|salut',
  'hola|buenos días|buenas tardes|buenas noches|estimado|estimada|estimados|estimadas|querido|querida',
  'olá|bom dia|boa tarde|boa noite|prezado|prezada|prezados|exmo|exma|exmos',
  'buongiorno|buonasera|salve|gentile|gentili|egregio|egregia|spettabile|spett|spettle',
  'beste|geachte|goedemorgen|goedemiddag|goedenavond|goedendag|hoi',
  'hej|kære|hejsa|bästa|kjære|god morgen|god dag|god morgon|hyvä|hyvää päivää|sæl|sæll|kæra|kæri',
  'dzień dobry|witam|szanowny|szanowna|szanowni|drogi|droga|cześć',
  'dobrý den|dobrý deň|vážený|vážená|vážení|milý|milá|ahoj|dobré ráno',
  'здравствуйте|добрый день|доброе утро|добрый вечер|уважаемый|уважаемая|уважаемые|привет|дорогой|дорогая',
  'вітаю|доброго дня|добрий день|шановний|шановна|шановні|здравей|здравейте|уважаеми|поштовани|здраво|почитувани',
  'poštovani|poštovana|poštovane|dobar dan|pozdravljeni|spoštovani|spoštovana|dober dan',
  'bună ziua|bună|stimate|stimată|stimați|dragă|kedves|tisztelt|jó napot|üdvözlöm|szia',
  'γεια σας|γεια|καλημέρα|καλησπέρα|αγαπητέ|αγαπητή|αγαπητοί|αξιότιμε|merhaba|sayın|selam|günaydın|iyi günler',
  'שלום|היי|לכבוד|مرحبا|مرحباً|السلام عليكم|عزيزي|عزيزتي|السادة|سلام|با سلام|جناب',
  'สวัสดี|สวัสดีครับ|สวัสดีค่ะ|เรียน|xin chào|chào|kính gửi|kính chào|halo|yth|kepada yth|selamat pagi|selamat siang',
  'tere|tere päevast|lugupeetud|labdien|sveiki|cienījamais|cienījamā|laba diena|gerbiamas|gerbiama|gerbiami',
  'benvolgut|benvolguda|bon dia|bona tarda|kaixo|përshëndetje|i nderuar|annwyl|kumusta|mahal na',
  'नमस्ते|प्रिय|নমস্কার|প্রিয়|გამარჯობა|բարև',
]);

/** The same for words that are names as well: only with a sign at the end of the line. */
export const NAMELIKE_SALUTATIONS: readonly string[] = words([
  'cher|caro|cara|caros|caras|cari|care|ciao|dag|hei|moi|terve|hai|dragi|draga|ola',
]);

/** The same for scripts without spaces between words, where the name follows or goes before without any. */
export const UNSPACED_SALUTATIONS: readonly string[] = words([
  '您好|你好|尊敬的|亲爱的|親愛的|早上好|下午好|敬启者|敬啟者',
  'こんにちは|こんばんは|おはようございます|お世話になって|お世話になります|いつもお世話|拝啓|初めまして',
  '안녕하세요|안녕하십니까|안녕하세요|수고하십니다',
]);

export type HeaderKind = 'from' | 'sent' | 'date' | 'to' | 'cc' | 'subject' | 'other';

const LABELS: Readonly<Record<HeaderKind, readonly string[]>> = {
  from: [
    'from|sender|von|absender|de|expéditeur|da|mittente|van|afzender|fra|från|avsändare',
    'avsender|frá|lähettäjä|od|nadawca|odesílatel|odosielateľ|pošiljatelj|от|от кого|отправитель',
    'від|від кого|од|пошиљалац|kimden|gönderen|από|αποστολέας|מאת|من|المرسل|از|فرستنده',
    'จาก|ผู้ส่ง|từ|người gửi|dari|pengirim|daripada|feladó|expeditor|de la|remitente|remetente',
    'saatja|kellelt|no|sūtītājs|nuo|siuntėjas|remitent|nork|igorlea|nga|ó|oddiwrth|mula kay',
    'šalje|expeditorul',
    '发件人|寄件者|寄件人|寄信人|发信人|差出人|送信者|送信元|보낸 사람|보낸사람|발신자|보낸이|प्रेषक|द्वारा|থেকে|from name',
  ],
  sent: [
    'sent|gesendet|gesendet am|envoyé|envoyée|envoyé le|enviado|enviado el|enviado em|enviada em',
    'enviada|enviado a|inviato|inviata|inviato il|verzonden|gestuurd|sendt|skickat|skickades|skickat den',
    'lähetetty',
    'wysłano|wysłane|data wysłania|odesláno|odoslané|poslano|poslato|poslané|послато|отправлено',
    'дата отправки',
    'надіслано|відправлено|изпратено|испратено|gönderilme tarihi|gönderildi|gönderim tarihi',
    'gönderme tarihi|gönderim zamanı',
    'στάλθηκε|εστάλη|απεστάλη|αποστολή|נשלח|תאריך שליחה|تم الإرسال|تاريخ الإرسال|أُرسلت|أرسلت|ارسال شده',
    'ارسال',
    'ส่ง|วันที่ส่ง|ส่งเมื่อ|đã gửi|ngày gửi|gửi|gửi lúc|dikirim|terkirim|dihantar|elküldve|küldve|trimis',
    'trimisă',
    '发送时间|发送日期|傳送時間|寄件日期|發送時間|已傳送|送信日時|送信日|送信済み|보낸 날짜|보낸날짜|보낸 시간|보냄',
    'saadetud|nosūtīts|nosūtīja|išsiųsta|enviat|enviat el|bidalita|bidalia|dërguar|भेजा गया|sendt den',
    'verstuurd|gönderilen',
  ],
  date: [
    "date|datum|fecha|data|dato|date and time|date d'envoi|päivämäärä|päiväys|pvm|pvm.|дата|датум",
    'tarih|ημερομηνία|ημ/νία|תאריך|التاريخ|تاريخ|تاریخ|วันที่|ngày|thời gian|tanggal|tarikh|dátum|dată',
    '日期|时间|時間|日時|日付|날짜|日|kuupäev|datums|dagsetning|dags|dyddiad|dáta|दिनांक|तारीख|তারিখ|petsa|when',
  ],
  to: [
    'to|pour|an|empfänger|à|a|para|destinatario|destinataire|aan|naar|til|till|vastaanottaja|kenelle',
    'do|komu|pre|za|prima|primatelj|кому|до|до кого|за|прима|kime|alıcı|προς|אל|ל|إلى|الى|به',
    'ถึง|tới|đến|kepada|címzett|către|la|pentru|收件人|收件者|收信人|宛先|받는 사람|받는사람|수신자|받는이',
    'kellele|saaja|kam|adresāts|kam.|gavėjas|per a|nori|per|për|chuig|at|प्रति|प्राप्तकर्ता|প্রতি|para sa',
    'для|destinatarul|adresat',
  ],
  cc: [
    'cc|kopie|kopie an|copie|copie à|copia|kopia|kopi|kópia|kópie|копия|копія|копие|bilgi|κοιν.',
    'κοινοποίηση',
    'עותק|نسخة|رونوشت|สำเนา|สำเนาถึง|đồng gửi|tembusan|salinan|másolat|másolatot kap|抄送|副本|ccに|参照|참조',
    'kopio|kopie (cc)',
    'koopia|kopija|cópia|dw|do wiadomości|skrytá kopie|bcc|blindkopie|cci|cco|ccn|копия до|cc:',
  ],
  subject: [
    'subject|betreff|thema|objet|asunto|assunto|oggetto|onderwerp|emne|ämne|aihe|otsikko|temat|předmět|predmet',
    'тема|предмет|относно|konu|θέμα|נושא|הנושא|الموضوع|موضوع|หัวเรื่อง|เรื่อง|chủ đề|tiêu đề|perihal',
    'subjek',
    'judul|tárgy|subiect|主题|主題|主旨|件名|제목|teema|temats|tēma|tema|assumpte|gaia|efni|zadeva|naslov',
    'subiectul',
    'subjekt|ábhar|pwnc|विषय|বিষয়|titulo|subyek|sujet|ärende|paksa|тэма|onderwerp/subject',
  ],
  other: [
    'reply-to|reply to|antwort an|antworten an|répondre à|responder a|rispondi a|svar til',
    'beantwoorden aan|importance',
    'priority|wichtigkeit|priorität|importancia|attachments|attachment|anlagen|anlage|pièces jointes',
    'bijlagen|allegati|organization|sent by|message-id',
    'odgovori na|odpověď na|antwoord aan|vastaus|válaszcím|odpowiedź-do|răspuns către|ответ-кому|odpovedať-pre',
    'svara till|yanıt adresi|кому відповісти',
  ],
};

function words(rows: readonly string[]): readonly string[] {
  return rows.flatMap(row => row.split('|'));
}

/** Label of a header field (lower case, no colon) → what the field is. */
export const HEADER_LABELS: ReadonlyMap<string, HeaderKind> = new Map(
  (Object.entries(LABELS) as [HeaderKind, readonly string[]][])
    .toReversed()
    .flatMap(([kind, labels]) => words(labels).map(label => [label, kind] as const)),
);

/** Words of a line that says: the mail that is answered follows. */
export const ORIGINAL_PHRASES: ReadonlySet<string> = new Set(
  words([
    'original message|original mail|original email|original e-mail|reply message|replied message',
    'previous message',
    'original-nachricht|originalnachricht|ursprüngliche nachricht|ursprüngliche mail|original nachricht',
    'ursprüngliche e-mail',
    "message d'origine|message d’origine|message original|courriel d'origine|courriel original",
    "message initial|e-mail d'origine",
    'mensaje original|mensaje de origen|correo original|mensagem original|missatge original',
    'mensaxe orixinal|jatorrizko mezua',
    'messaggio originale|messaggio orginale|oorspronkelijk bericht|oorspronkelijk e-mailbericht',
    'origineel bericht|originele bericht',
    'oprindelig meddelelse|oprindelig besked|original meddelelse|opprinnelig melding|opprinnelig e-post',
    'original melding|opprinnelig epost',
    'ursprungligt meddelande|originalmeddelande|ursprungligt e-postmeddelande|alkuperäinen viesti',
    'alkuperäinen sähköposti|upprunaleg skilaboð',
    'wiadomość oryginalna|oryginalna wiadomość|wiadomość pierwotna|původní zpráva|původní e-mail',
    'pôvodná správa|pôvodný e-mail',
    'eredeti üzenet|eredeti levél|mesaj original|mesajul original|mesajul iniţial|mesajul inițial',
    'originalna poruka|izvorna poruka',
    'izvorno sporočilo|originalno sporočilo|prvotno sporočilo|оригинална порука|изворна порука',
    'оригинално съобщение|оригинална порака',
    'исходное сообщение|оригинальное сообщение|исходное письмо|первоначальное сообщение',
    'вихідне повідомлення|оригінальне повідомлення|початкове повідомлення',
    'orijinal mesaj|özgün ileti|orijinal ileti|orjinal mesaj|özgün mesaj|αρχικό μήνυμα|πρωτότυπο μήνυμα',
    'αυθεντικό μήνυμα|הודעה מקורית|ההודעה המקורית',
    'الرسالة الأصلية|رسالة أصلية|الرساله الأصليه|پیام اصلی|ข้อความต้นฉบับ|ข้อความเดิม|thư gốc',
    'tin nhắn gốc|thông điệp gốc',
    'pesan asli|pesan awal|mesej asal|algne kiri|algne sõnum|sākotnējā ziņa|oriģinālā ziņa',
    'pradinis laiškas|originalus laiškas|mesazhi origjinal',
    '原始邮件|原始郵件|原邮件|原始信息|原始訊息|原始消息|回复的原邮件|元のメッセージ|元のメール|原文|オリジナルメッセージ|원본 메시지|원본 메일|원본메일|원본메시지|원본 이메일',
    'मूल संदेश|মূল বার্তা|orihinal na mensahe|ursprüngliche nachricht von|ursprungsmeddelande',
    'original message follows',
  ]),
);

/** Words of a line that says: a forwarded mail follows. */
export const FORWARD_PHRASES: ReadonlySet<string> = new Set(
  words([
    'this is a forwarded message|forwarded message|forwarded mail|forwarded email|begin forwarded message|forwarded by|forwarded|fwd',
    'start of forwarded message',
    'weitergeleitete nachricht|anfang der weitergeleiteten nachricht|anfang der weitergeleiteten e-mail',
    'weitergeleitete mail|weitergeleitete e-mail|beginn der weitergeleiteten nachricht',
    'message transféré|message transfere|début du message transféré|début du message réexpédié',
    'message réexpédié|e-mail transféré|courriel transféré',
    'mensaje reenviado|inicio del mensaje reenviado|correo reenviado|missatge reenviat|mensaxe reenviada',
    'comença el missatge reenviat|birbidalitako mezua',
    'mensagem encaminhada|mensagem reencaminhada|início da mensagem encaminhada',
    'início da mensagem reencaminhada|início de mensagem reenviada|mensagem reenviada',
    'messaggio inoltrato|inizio messaggio inoltrato|inizio del messaggio inoltrato|doorgestuurd bericht',
    'begin doorgestuurd bericht|doorgestuurde bericht',
    'videresendt meddelelse|videresendt besked|start på videresendt besked',
    'start på videresendt meddelelse|videresendt melding|videresendt e-post',
    'begynnelse på videresendt melding',
    'vidarebefordrat meddelande|vidarebefordrat brev|vidarebefordrat e-postmeddelande',
    'vidarebefordrat mejl|början på vidarebefordrat brev|påbörja vidarebefordrat brev',
    'välitetty viesti|edelleenlähetetty viesti|välitetty viesti alkaa|lähetetty edelleen',
    'välitetyn viestin alku',
    'przekazana wiadomość|wiadomość przekazana|początek przekazywanej wiadomości|przesłana wiadomość',
    'wiadomość przesłana dalej|przesłana dalej wiadomość',
    'přeposlaná zpráva|přeposlaný e-mail|začátek přeposílané zprávy|předaná zpráva|preposlaná správa',
    'začiatok preposlanej správy|posredovano sporočilo|začetek posredovanega sporočila',
    'továbbított üzenet|továbbított levél|a továbbított levél kezdete|mesaj redirecționat',
    'mesaj redirecţionat|mesaj retransmis|începutul mesajului redirecționat',
    'începutul mesajului retransmis',
    'proslijeđena poruka|prosljeđena poruka|prosleđena poruka|početak proslijeđene poruke',
    'прослеђена порука|препратено съобщение|начало на препратеното съобщение|проследена порака',
    'пересланное сообщение|пересылаемое сообщение|начало переадресованного сообщения',
    'переадресованное сообщение|начало пересылаемого сообщения|пересланное письмо',
    'конец пересылаемого сообщения',
    'переслане повідомлення|початок пересланого повідомлення|переслане письмо|пераасланае паведамленне',
    'pārsūtītā ziņa|pārsūtītais ziņojums|persiųstas laiškas|persiunčiamas laiškas|edastatud kiri',
    'edastatud sõnum',
    'yönlendirilmiş ileti|iletilen mesaj|iletilmiş mesaj|yönlendirilen mesaj|iletilen iletinin başlangıcı',
    'yönlendirilmiş mesaj|προωθημένο μήνυμα|έναρξη προωθημένου μηνύματος|αρχή προωθημένου μηνύματος',
    'הודעה שהועברה|תחילת ההודעה שהועברה|הודעה מועברת|رسالة معاد توجيهها|الرسالة المعاد توجيهها',
    'بدء الرسالة المعاد توجيهها|رسالة محوّلة|پیام ارسال شده|پیام هدایت شده',
    '转发的邮件|转发邮件|已转发邮件|转发的信息|下面是被转发的邮件|以下是转发的邮件|开始转发的邮件|轉寄郵件|轉寄的郵件|已轉寄的郵件|開始轉寄郵件|轉寄的訊息|以下是轉寄的郵件',
    '転送メッセージ|転送されたメッセージ|転送メール|転送されたメール|転送|전달된 메시지|전달된 메일|전달된 이메일|전달 메시지|다음은 전달된 메시지입니다',
    'ข้อความที่ส่งต่อ|เริ่มข้อความที่ส่งต่อ|thư được chuyển tiếp|thư đã chuyển tiếp',
    'tin nhắn được chuyển tiếp|chuyển tiếp thư|bắt đầu thư được chuyển tiếp',
    'pesan terusan|pesan diteruskan|pesan yang diteruskan|mulai pesan yang diteruskan',
    'mesej yang dimajukan|mesej dimajukan|framsent|áframsend skilaboð|फ़ॉरवर्ड किया गया संदेश',
    'अग्रेषित संदेश|ipinasang mensahe',
    'započni proslijeđenu poruku|továbbított levél kezdete|începe mesajul redirecționat|ileti başlangıcı|iletilen ileti',
    'початок листа, що пересилається|перенаправлене повідомлення|перенаправленное сообщение|message transmis',
    'رسالة ممرّرة|mensaxe reunviáu|накіраваны ліст|оригинално писмо|kemennadenn orinel|neges wreiddiol',
    'dalej pósrědnjona powěsć|dale sposrědkowana powěsć|trochstjoerd berjocht|teachtaireacht ar aghaidh',
    'an teachdaireachd a tha ’ga shìneadh air adhart|փոխանցվող նամակը|áframsendur póstur|បានបញ្ជូនសារបន្ត',
    'vidaresend melding|messadi renvià|mesazhi i përcjellë|iletilmiş ileti|转发的消息|mensaje remitido',
    'välitetty viesti / fwd.msg|treść przekazanej wiadomości|preposlaná správa --- forwarded message',
  ]),
);
