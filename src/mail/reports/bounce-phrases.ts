/**
 * How servers say in words that a mail failed or waits, in the languages they speak; lower case, plain apostrophes, `…`
 * for at most 60 characters of one sentence. In a subject a phrase says much, in a body little: people and holiday
 * replies use the same words. `bounce-in-words.ts` has the policy. Nothing throws.
 */

/** What failures say about themselves. */
const FAILURES: readonly string[] = [
  // English
  'undeliver', 'could not… be delivered', "couldn't be delivered", "wasn't able to deliver", 'unable to deliver',
  'unable to be delivered', 'was not… delivered', "wasn't delivered", 'were not delivered', 'not delivered',
  'cannot… be delivered', "can't be delivered", 'can not be delivered', 'cannot deliver', 'could not deliver',
  'failed permanently', 'message could not be sent', 'permanent failure', 'delivery failed', 'delivery failure', 'delivery has failed',
  'deliveries failed', 'failed to deliver', 'fail to deliver', 'failed delivery', 'failure delivery', 'failure to deliver',
  'delivery to the following recipient', 'failure notice', 'notice of failure', 'non-delivery', 'nondelivery',
  'returned mail', 'returned message', 'returned to sender', 'returning message to sender', 'return to sender',
  'mail delivery system', 'delivery status notification', 'delivery problem', 'delivery error', 'error delivering',
  'trouble delivering', 'did not reach', 'address not found',
  'permanent fatal errors',
 
  'no further delivery attempts', 'systems bounce',
  'could not bring your', "couldn't deliver", "didn't reach",
  // German
  'unzustellbar', 'nicht… zugestellt', 'zustellung… fehlgeschlagen', 'zustellung… gescheitert', 'zustellfehler',
  'zustellung… nicht möglich', 'fehler bei der zustellung', 'konnte… nicht ausgeliefert',
  'zustellungsfehler', 'nicht… übermittelt werden', 'nichtzustellbarkeit', 'unzustellbarkeit',
  // French
  'non remis', 'échec de… remise', 'échec de… distribution', 'échec d\'envoi', "échec de l'envoi", 'pas pu être remis',
  'pas pu être distribu', 'pas pu être délivr', 'pas pu être envoy', 'pas été remis', 'pas été délivr', 'pas été distribu',
  'non distribu', 'non délivr', "n'a pu être remis", "n'a pu être délivr", 'impossible de… (?:remettre|délivrer|livrer|distribuer)',
  'ne peut pas être remis', 'ne peut être remis', 'échec de la livraison', "avis de non[- ]remise",
  // Spanish, Catalan, Galician
  'no se (?:ha podido|pudo|puede|pueden|han podido) entregar', 'no (?:ha podido|pudo|puede) ser entregad', 'no entregad',
  'no se ha entregado', 'no fue entregad', 'no ha sido entregad', 'fallo (?:en|de) la entrega', 'fallo de entrega',
  'error (?:en|de) la entrega', 'error de entrega', 'entrega fallida', 'imposible… entregar', 'no entregable',
  'mensaje devuelto', 'correo devuelto', "no s'ha pogut (?:lliurar|entregar)", 'no lliurat', 'devolución de correo',
  // Portuguese
  'não é possível entregar',  'não pôde ser entregue', 'não entregue', 'não foi (?:possível )?entreg', 'não pode ser entregue', 'falha na entrega',
  'falha de entrega', 'falha ao entregar', 'erro (?:na|de) entrega', 'entrega falhou', 'mensagem devolvida',
  'impossível entregar', 'não foi possível… entregar', 'não foi possível a entrega', 'não pude entregar',
  // Italian
  'mancato recapito', 'mancata consegna', 'non recapitabile', 'non recapitat', 'non consegnat', 'non è stato possibile… (?:recapitare|consegnare)',
  'non è stat[oa] (?:recapitat|consegnat)', 'impossibile… (?:recapitare|consegnare)', 'consegna… (?:non riuscita|fallita)', 'recapito… non riuscito',
  'errore di consegna', 'notifica di mancat', 'avviso di mancata', 'non può essere (?:recapitat|consegnat)',
  // Dutch
  'onbestelbaar', 'niet te bezorgen', 'niet… bezorgd', 'niet… afgeleverd', 'kon niet… worden (?:bezorgd|afgeleverd)', 'bezorging… mislukt', 'aflevering… mislukt',
  'kan niet worden (?:bezorgd|afgeleverd)', 'mislukte bezorging', 'onbezorgbaar',
  // Swedish, Danish, Norwegian, Icelandic
  'går inte att leverera', 'kunde inte (?:levereras|leverera)', 'kunde ej levereras', 'inte levererat', 'leveransen… misslyckades',
  'leveransfel', 'kan inte levereras', 'olevererbar', 'inte kunnat levereras', 'gick inte att leverera',
  'kunne ikke (?:leveres|afleveres|sendes)', 'kan ikke (?:leveres|afleveres)', 'kunne ikke… leveres', 'levering… mislykkedes', 'ikke leveret',
  'ikke levert', 'levering… mislyktes', 'levering… mislykket', 'leveringsfejl', 'leveringsfeil', 'uleverbar', 'ikke blitt levert', 'ikke blevet leveret',
  'ekki (?:hægt|tókst) að (?:afhenda|koma)', 'ekki afhent',
  // Finnish, Estonian, Latvian, Lithuanian
  'ei voitu toimittaa', 'ei voida toimittaa', 'toimitus… epäonnistui', 'toimittaminen… epäonnistui', 'ei toimitettu', 'perille toimittamaton', 'ei pystytty toimittamaan',
  'ei saanud… toimetada', 'kättetoimetamine… ebaõnnestus', 'ei õnnestunud kohale toimetada', 'kohaletoimetamine… ebaõnnestus', 'nevarēja piegādāt', 'neizdevās piegādāt', 'nav piegādāt', 'piegāde… neizdevās',
  'nepavyko pristatyti', 'nepristatyt', 'negali būti pristatyt', 'pristatymas… nepavyko',
  // Polish
  'niedostarcz', 'nie… dostarcz', 'nie została dostarczona', 'nie mog(?:ł|l)a zostać dostarczona', 'nie może zostać dostarczona', 'nie udało się dostarczyć', 'błąd dostarcz',
  'dostarczenie… nie powiod', 'zwrot wiadomości', 'niedoręcz', 'nie doręczon',
  // Czech, Slovak
  'nedoručen', 'nedoručiteln', 'nedoručiteľn', 'nepodařilo… doručit', 'nelze doručit', 'nemohla být doručena', 'nebyla doručena', 'nebylo možné doručit', 'doručení… selhalo', 'nebyl doručen',
  'nepodarilo… doručiť', 'nie je možné doručiť', 'nebola doručená', 'nebolo možné doručiť', 'nemohla byť doručená', 'doručenie… zlyhalo', 'nemožno doručiť',
  // Hungarian, Romanian
  'kézbesíthetetlen', 'nem (?:volt |lehetett )?kézbesít', 'nem sikerült… kézbesíteni', 'kézbesítés… (?:sikertelen|meghiúsult)', 'sikertelen kézbesítés', 'nem kézbesített',
  'nu a putut fi (?:livrat|trimis)', 'nu a fost livrat', 'nelivrat', 'livrare… eșuat', 'livrarea… nu a reușit', 'eroare la livrare', 'nu poate fi livrat', 'imposibil de livrat',
  // Croatian, Serbian, Slovene, Bulgarian, Macedonian
  'nije (?:moguće|bilo moguće) (?:isporučiti|dostaviti)', 'nije (?:isporučen|dostavljen)', 'neisporučen', 'isporuka… nije uspjela', 'isporuka… nije uspela', 'nije mogla biti (?:isporučena|dostavljena)', 'nije uspjelo isporučiti',
  'није (?:могуће|испоручен|достављен|могла бити)', 'неиспоручен', 'ni bilo mogoče dostaviti', 'ni bilo dostavljeno', 'nedostavljen', 'dostava… ni uspela', 'ni mogoče dostaviti',
  'не може да бъде достав', 'не беше достав', 'недостав', 'неуспешна доставка', 'не бе достав', 'неуспешно доставяне',
  // Russian, Ukrainian, Belarusian
  'не доставлен', 'недоставлен', 'не удается доставить', 'не удаётся доставить', 'не удалось доставить', 'не может быть доставлен', 'не могло быть доставлен',
  'не было доставлен', 'невозможно доставить', 'ошибка доставки', 'доставка… не удалась', 'сбой доставки', 'недоставк', 'не смогли доставить', 'не смог доставить', 'не получилось доставить', 'возвращено отправителю', 'доставить… не удалось',
  'не вдалося доставити', 'не доставлено', 'не може бути доставлен', 'неможливо доставити', 'помилка доставки', 'не було доставлен', 'не ўдалося даставіць',
  // Greek, Turkish
  'δεν είναι δυνατή η παράδοση', 'δεν (?:ήταν|είναι) δυνατ(?:ή|ό)… παρ', 'δεν παραδόθηκε', 'αποτυχία παράδοσης', 'δεν μπόρεσε να παραδοθεί', 'η παράδοση απέτυχε',
  'teslim edilemedi', 'teslim edilemeyen', 'teslim edilemiyor', 'teslim edilmedi', 'iletilemedi', 'teslimat… başarısız', 'ulaştırılamadı', 'gönderilemedi', 'iletilemeyen',
  // Hebrew, Arabic, Persian
  'לא נמסר', 'לא ניתן למסור', 'לא ניתן היה למסור', 'מסירה נכשלה', 'המסירה… נכשלה', 'מסירת… נכשלה',
  'تعذر تسليم', 'تعذّر تسليم', 'لم يتم تسليم', 'فشل تسليم', 'فشل التسليم', 'فشل في تسليم', 'غير قابل للتسليم', 'لا يمكن تسليم', 'تعذر إرسال', 'تحویل نشد', 'تحویل داده نشد', 'عدم تحویل', 'قابل تحویل نیست',
  // Japanese
  '配信不能', '配信できません', '配信できませんでした', '配送できません', '送信できません', 'お届けできません', '届けることができません', '配信に失敗', '送信に失敗', '配送に失敗', '配信エラー',
  '届きませんでした', '不達', '配信されませんでした', '配達できません', '宛先が見つかりません', '受信できません',
  // Chinese
  '无法投递', '无法送达', '未能送达', '未送达', '没有投递成功', '投递失败', '退信', '不能投递', '未能投递', '未投递', '投递不成功', '系统退回', '无法传递', '传递失败',
  '無法傳遞', '未傳遞', '無法投遞', '無法寄達', '無法送達', '投遞失敗', '未能送達', '遞送失敗', '無法遞送',
  // Korean
  '배달되지 않', '배달할 수 없', '전송 실패', '전송에 실패', '발송 실패', '발송에 실패', '전달되지 않', '전달할 수 없', '전달하지 못', '배달 실패', '배달하지 못', '보낼 수 없',
  // Thai, Vietnamese, Indonesian, Malay, Hindi
  'ไม่สามารถส่ง', 'ส่งไม่สำเร็จ', 'ไม่สามารถจัดส่ง', 'การส่งล้มเหลว', 'không (?:thể )?(?:gửi|chuyển|phát)… (?:được|tới|đến)', 'không gửi được', 'gửi (?:thư )?(?:không thành công|thất bại)', 'không thể gửi', 'không thể chuyển',
  'tidak (?:dapat|bisa) (?:dikirim|terkirim|disampaikan)', 'gagal (?:dikirim|terkirim|mengirim|disampaikan)', 'pengiriman… gagal', 'tidak terkirim', 'tidak dapat dihantar', 'gagal dihantar', 'वितरित नहीं', 'डिलीवर नहीं', 'पहुँचाया नहीं जा सका',
]; // biome-ignore format: one language after the other

/**
 * What is wrong with a recipient, and words that are as common in other troubles: they count only in a server's notice
 * to a bounce address or from the null sender.
 */
const TROUBLES: readonly string[] = [
  'no such user', 'user unknown', 'unknown user', 'not listed in', 'permanent error', 'mail system error', 'has been rejected', 'mailbox is full', 'mailbox full', 'over quota', 'over its limit', 'exceeds allowed size', 'bounced', 'could not be sent', 'could not be found', 'did not receive', '退回', '退件', '被拒收', '拒收', '送信エラー', 'エラーメール', 'annahme verweigert', 'empfänger unbekannt', '宛先不明', '반송', '发送失败', '傳送失敗', '寄送失敗', '無法傳送', '无法发送', 'message was rejected', 'message rejected', 'rejected your message',
  'does not exist', "doesn't exist", 'invalid recipient', 'invalid address', 'recipient unknown', 'unknown recipient', 'recipient not found', 'address unknown', 'mailbox unavailable', 'mailbox not found', 'no mailbox', 'account… (?:disabled|suspended|inactive|closed)', 'nobody of that name', 'no such (?:person|mailbox|recipient|address)', 'over its quota', 'quota exceeded', 'exceeded… quota', 'out of (?:storage )?space',
  'existiert nicht', 'postfach… voll', 'unbekannter empfänger', 'adresse unbekannt', "n'existe (?:pas|plus)", 'boîte… pleine', 'destinataire inconnu', 'adresse inconnue', 'no existe', 'buzón… lleno', 'destinatario desconocido', 'usuario desconocido', 'não existe', 'caixa… cheia', 'destinatário desconhecido', 'usuário desconhecido',
  'non esiste', 'casella… piena', 'destinatario sconosciuto', 'utente sconosciuto', 'bestaat niet', 'postvak… vol', 'onbekende ontvanger', 'finns inte', 'okänd mottagare', 'brevlåda… full', 'findes ikke', 'finnes ikke', 'ukendt modtager', 'ukjent mottaker', 'ei ole olemassa', 'tuntematon vastaanottaja', 'nie istnieje', 'skrzynka… pełna', 'nieznany (?:odbiorca|adresat)',
  'neexistuje', 'schránka… plná', 'neznámý příjemce', 'neznámy príjemca', 'nem létezik', 'ismeretlen címzett', 'nu există', 'destinatar necunoscut', 'ne postoji', 'ne obstaja', 'не существует', 'ящик… переполнен', 'получатель не найден', 'не існує', 'не съществува', 'δεν υπάρχει', 'άγνωστος παραλήπτης', 'mevcut değil', 'bulunamadı', 'לא קיים', 'לא קיימת', 'غير موجود', 'وجود ندارد',
  '存在しません', '存在しない', 'いっぱい', '容量', '不存在', '已满', '已滿', '未找到收件人', '존재하지 않', '가득', '없는 사용자', 'ไม่มีอยู่', 'không tồn tại', 'tidak ditemukan', 'tidak dikenal', 'tidak wujud', 'मौजूद नहीं',
  'não (?:é|foi|se) possível… entreg', 'niet… te bezorgen', 'epäonnistu', 'ei onnistu', 'ei voi(?:tu|da) ', 'nelivrabil', 'nu a ajuns', 'μη παραδοτέ', 'αδύνατη', 'αποτυχία', 'teslim edilem', 'gönderilem', 'iletilem', 'ulaşmadı', 'ulaşamadı', 'başarısız', 'נכשל', 'לא הגיע', 'לא ניתן', 'לא ניתנ', 'فشل', 'تعذر', 'تعذّر', 'لم تصل', 'لم يصل', 'ناموفق', 'نرسید',
  '실패', '전달되지', '되지 못', '하지 못', '失败', '失敗', '未成功', '无法', '無法', '送れません', 'できません', 'エラー', '不能', '見つかりません', 'ไม่สามารถ', 'ล้มเหลว', 'ไม่ถึง', 'ส่งไม่ได้', 'không thể', 'thất bại', 'không đến', 'gagal', 'tidak dapat', 'tidak bisa',
]; // biome-ignore format: one language after the other

/** What says that the server goes on trying. */
const DELAYS: readonly string[] = [
  // English
  'delayed', 'still trying', 'will continue to try', 'will keep trying', 'will be retried', 'will retry', 'continue to be attempted', 'attempts will continue',
  'not yet been delivered', 'has not been delivered yet', 'not been delivered yet', 'not yet delivered', 'could not send message for past', 'delivery incomplete',
  'this is a warning message only', 'warning only', 'no action is required', 'notification (?:\\(|- )?delay', 'delivery delay', 'delay notice', 'will try again', 'trying to deliver', 'temporarily deferred', 'is still in the queue', 'still queued',
  // German, Dutch
  'wird weiter versucht', 'verzögert', 'verzögerung', 'noch nicht zugestellt', 'weitere zustellversuche', 'erneut versucht', 'versucht weiter', 'verspätet',
  'vertraagd', 'vertraging', 'nog niet… (?:bezorgd|afgeleverd)', 'wordt opnieuw geprobeerd', 'blijft proberen',
  // French, Spanish, Portuguese, Italian, Catalan, Romanian
  'retardé', 'retard de… (?:remise|livraison|distribution)', "pas encore (?:été )?(?:remis|délivr|distribu)", 'de nouvelles tentatives', 'continuera à essayer', 'différée?',
  'retrasad', 'demorad', 'retraso en la entrega', 'todavía no se ha', 'aún no se ha', 'aún no ha', 'seguir(?:á|emos) intentando', 'se volverá a intentar', 'se reintentará', 'endarrerit',
  'atrasad', 'atraso na entrega', 'ainda não foi entregue', 'continuar(?:á|emos) (?:a )?tentando', 'nova tentativa', 'novas tentativas', 'adiad',
  'ritardat', 'in ritardo', 'ritardo nella consegna', 'non è ancora stat', 'nuovi tentativi', 'continuerà a', 'verrà ritentat', 'întârziat', 'nu a fost încă livrat',
  // Nordic, Baltic
  'försenad', 'fördröj', 'ännu inte levererats', 'nya försök', 'forsinket', 'forsinkelse', 'endnu ikke leveret', 'ennå ikke levert', 'nye forsøg', 'nye forsøk', 'viivästy', 'ei ole vielä toimitettu', 'yritetään uudelleen', 'hilinenud', 'viibib', 'aizkav', 'vėluoja',
  // Slavic
  'opóźnion', 'opóźnienie', 'jeszcze nie dostarczon', 'ponowne próby', 'zpožděn', 'zatím nebyl', 'dosud nebyl', 'oneskoren', 'zatiaľ nebol', 'další pokusy', 'zakasni', 'kasni ', 'odgođen', 'zakašnjen',
  'задерж', 'отложен', 'пока не доставлен', 'еще не доставлен', 'ещё не доставлен', 'попытки… продолж', 'повторные попытки', 'затримк', 'затриман', 'ще не доставлен', 'забавен', 'все още не',
  // Hungarian, Greek, Turkish
  'késik', 'késlelte', 'késedelm', 'még nem (?:sikerült )?kézbesít', 'καθυστέρ', 'δεν έχει παραδοθεί ακόμη', 'gecik', 'henüz teslim', 'tekrar denenecek', 'denemeye devam',
  // Hebrew, Arabic, Persian
  'עיכוב', 'התעכב', 'مؤجل', 'تأخر', 'تأخير', 'لم يتم تسليمها بعد', 'تأخیر',
  // Japanese, Chinese, Korean, Thai, Vietnamese, Indonesian
  '遅延', '遅れ', '引き続き', 'まだ配信', '延迟', '延遲', '延误', '延誤', '继续尝试', '繼續嘗試', '尚未送达', '尚未送達', '지연', 'ล่าช้า', 'bị hoãn', 'chậm trễ', 'tertunda', 'ditunda',
]; // biome-ignore format: one language after the other

/** It failed for good, whatever else is said of delays. */
const FINAL: readonly string[] = [
  'permanent', 'giving up', 'gave up', 'given up', 'no further', 'not be (?:re)?tried', 'will not try', 'has been returned', 'is now returned', 'been (?:in the queue|trying) (?:for )?too long', 'timeout exceeded', 'retry time exceeded', 'endgültig', 'aufgegeben', 'nicht erneut', 'keine weiteren',
  'définiti', 'abandonn', 'definitiv', 'abandonad', 'definitiva', 'окончательн', 'прекращ', 'больше не будет', 'definitywn', 'definitivně', 'kalıcı', '永久', '放弃', '放棄', '中止', '断念', '영구', '포기', '최종',
]; // biome-ignore format: one language after the other

/** People say of themselves that they are away; a server does not. */
const AWAY: readonly string[] = [
  'out of (?:the )?office', 'on (?:annual |sick |parental |maternity |paternity )?(?:leave|vacation|holiday)', "i'?a?m (?:currently )?(?:away|travelling|traveling)", 'no longer (?:work|with|employed)', 'has left the company', 'i will be back', "i'll be back", 'limited access to (?:my )?e-?mail', 'return(?:ing)? (?:to the office )?on',
  'im urlaub', 'nicht im (?:büro|haus)', 'abwesen', 'außer haus', 'wieder erreichbar', 'nicht mehr (?:im unternehmen|bei uns|für)', 'im mutterschutz', 'elternzeit',
  'en (?:congé|vacances)', 'absente?(?: du)? bureau', "je suis (?:actuellement )?absent", 'de retour le', 'ne fait plus partie', 'de vacaciones', 'fuera de la oficina', 'estaré (?:fuera|ausente)', 'ya no trabaja', 'de férias', 'estou ausente', 'fora do escritório', 'já não trabalha', 'não trabalha mais', 'in ferie', 'sono (?:assente|fuori)', 'fuori ufficio', 'non lavora più',
  'met vakantie', 'op vakantie', 'afwezig', 'niet op kantoor', 'niet meer werkzaam', 'på semester', 'tjänstledig', 'föräldraledig', 'inte på kontoret', 'på ferie', 'ikke på kontoret', 'lomalla', 'poissa', 'na urlopie', 'nieobecn', 'poza biurem', 'na dovolené', 'na dovolenke', 'mimo kancelář', 'szabadság', 'în concediu', 'na godišnjem', 'na dopustu',
  'в отпуске', 'отсутствую', 'у відпустці', 'в отпуск', 'σε άδεια', 'εκτός γραφείου', 'izindeyim', 'izinliyim', 'ofis dışında', 'בחופשה', 'في إجازة', '休暇', '不在', '休假', '出差', '度假', '휴가', '부재중', '출장',
]; // biome-ignore format: one language after the other

export const PHRASES = { failure: FAILURES, trouble: TROUBLES, delay: DELAYS, final: FINAL, away: AWAY } as const;

const PATTERNS = {
  failure: pattern(FAILURES),
  trouble: pattern(TROUBLES),
  delay: pattern(DELAYS),
  final: pattern(FINAL),
  away: pattern(AWAY),
};

/** What a text says of `what`, or null. */
export function phraseOf(what: keyof typeof PATTERNS, text: string): string | null {
  const folded = text
    .slice(0, 20_000)
    .normalize('NFC')
    .toLowerCase()
    .replaceAll('’', "'")
    .replaceAll('\u0307', '')
    .replaceAll(/\s+/g, ' ');
  return PATTERNS[what].exec(folded)?.[0] ?? null;
}

function pattern(phrases: readonly string[]): RegExp {
  return new RegExp(phrases.join('|').replaceAll('…', '[^.!?。！？]{0,60}?'));
}
