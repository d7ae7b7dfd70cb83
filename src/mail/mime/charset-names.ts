/**
 * Names of charsets as mails spell them: those of the IANA registry with their aliases, the labels of the WHATWG
 * Encoding Standard, the numbers of code pages, and names that Java, PHP, Python and databases give. A name stands for
 * the superset that real mails need: ISO-8859-1 for windows-1252, GB2312 for GB18030.
 *
 * Every name is compared in lower case, without anything but letters and digits. Nothing throws.
 */

/** What the bytes are decoded as, and the names for it. */
const NAMES: Readonly<Record<string, string>> = {
  '':
    'usascii ascii ansix341968 ansix341986 iso646us iso646irv1991 isoir6 us cp367 ibm367 unknown unknown8bit default binary ' +
    '8bit 7bit 8bitmime none null undefined auto utf8 utf8mb3 utf8mb4 utf8bom utf8n utf8sig utf8strict utf8mac utf8unknown utf u8 windowsutf8 ' +
    'unicode11utf8 unicode20utf8 cp65001 usasciiutf8 base64 hex quotedprintable utf7imap mutf7',
  'utf-7': 'utf7 unicode11utf7 unicode20utf7 cp65000',
  'utf-16': 'utf16 iso10646ucs2 ucs2 unicode isoir176 unicodebig iso10646 unicodefeff cp1200',
  'utf-16le': 'utf16le ucs2le unicodelittle unicodelittleunmarked',
  'utf-16be': 'utf16be unicodefffe ucs2be unicodebigunmarked cp1201',
  'utf-32': 'utf32 ucs4 iso10646ucs4 cp12000',
  'utf-32le': 'utf32le ucs4le',
  'utf-32be': 'utf32be ucs4be cp12001',
  'windows-1252':
    'iso88591 iso885911987 isoir100 latin1 latin l1 isolatin1 cp819 ibm819 ansi iso8859 winlatin1 windowslatin1 win western ' +
    'windows 8859 iso88591windows30latin1 windows31latin1 iso88591windows31latin1 cp28591',
  'windows-1250': 'winlatin2 windowslatin2 windows31latin2 iso88592windowslatin2',
  'windows-1251': 'wincyrillic ansicyrillic',
  'windows-1254': 'iso88599 iso885991989 isoir148 latin5 l5 isolatin5 turkish cp28599 windows31latin5',
  'windows-874': 'iso885911 iso8859112001 tis620 tis6200 tis6202533 tis6202529 tis62025330 dos874 thai thai8 isoir166',
  'iso-8859-2': 'iso885921987 isoir101 latin2 l2 isolatin2 cp912',
  'iso-8859-3': 'iso885931988 isoir109 latin3 l3 isolatin3 cp913',
  'iso-8859-4': 'iso885941988 isoir110 latin4 l4 isolatin4 cp914',
  'iso-8859-5': 'iso885951988 isoir144 cyrillic isolatincyrillic cp915',
  'iso-8859-6': 'iso885961987 isoir127 ecma114 asmo708 arabic isolatinarabic iso88596e iso88596i cp1089 cp708',
  'iso-8859-7': 'iso885971987 iso885972003 isoir126 elot928 ecma118 greek greek8 isolatingreek suneugreek cp813',
  'iso-8859-8': 'iso885981988 isoir138 hebrew isolatinhebrew iso88598i iso88598e logical visual cp916 cp38598',
  'iso-8859-10': 'iso8859101992 isoir157 latin6 l6 isolatin6 cp919',
  'iso-8859-13': 'latin7 l7 isoir179 isobaltic cp921',
  'iso-8859-14': 'iso8859141998 isoir199 latin8 l8 isoceltic isolatin8',
  'iso-8859-15': 'latin9 l9 latin0 isolatin9 isolatin0 isoir203 cp923',
  'iso-8859-16': 'iso8859162001 isoir226 latin10 l10 isolatin10',
  'koi8-r': 'koi8r koi8 koi koi7 relcom cp878 cp20866',
  'koi8-u': 'koi8u koi8ru cp21866 cp1168',
  cp437: 'pc8codepage437',
  cp775: 'pc775baltic',
  cp850: 'pc850multilingual pcmultilingual850euro',
  cp852: 'pcp852',
  cp862: 'pc862latinhebrew',
  cp866: 'cp866 alt altcyrillic',
  cp1125: 'cp1125 cp866u ruscii',
  macintosh: 'mac macroman macintosh macosroman cp10000',
  maccyrillic: 'maccyrillic macukrainian macukraine cp10007 cp10017',
  macgreek: 'macgreek cp10006',
  macturkish: 'macturkish cp10081',
  maccenteuro: 'macce maccenteuro maccentraleurope maccentraleuropean maclatin2 cp10029',
  hproman8: 'hproman8 roman8 r8',
  viscii: 'viscii viscii111 viscii1',
  tcvn: 'tcvn tcvn5712 tcvn57121 tcvn571211993 viettcvn vscii',
  shift_jis:
    'shiftjis sjis mskanji windows31j cp932 cp943 cp943c cp31j shiftjis2004 shiftjisx0213 sjiswin sjisopen cp942 ' +
    'sjis2004 sjisx0213 macjapanese pck',
  'euc-jp':
    'eucjp ujis eucpkdfmtjapanese extendedunixcodepackedformatforjapanese eucjpms eucjpwin eucjpopen cp51932 cp20932 ' +
    'eucjp2004 eucjisx0213 eucjis2004 jisx0213 cp33722',
  'iso-2022-jp':
    'iso2022jp iso2022jp1 iso2022jp2 iso2022jp3 iso2022jp2004 iso2022jpext iso2022jpms iso2022jpmobile windowsiso2022jp cp50220 cp50221 ' +
    'cp50222 jis jis7 jisms isojp',
  cp949:
    'euckr ksc56011987 ksc56011989 ksc56011992 ksc5601 ks56011987 ks56011989 ksx1001 ksx10011992 isoir149 korean uhc cp949 ' +
    'cp1363 cp51949 cp970 kscms5601 mackorean',
  'iso-2022-kr': 'iso2022kr cp50225',
  'iso-2022-cn': 'iso2022cn iso2022cnext cp50227 cp50229',
  hz: 'hz hzgb hzgb2312 cp52936',
  gb18030:
    'gb2312 gb231280 gb23121980 isoir58 iso58gb231280 chinese euccn gbk gb18030 gb180302000 gb180302005 cp936 cp1386 cp51936 ' +
    'cp54936 cp20936 cp1383 cngb cngbisoir165 simplifiedchinese eucgb2312cn macsimpchinese',
  'big5-hkscs':
    'big5 cnbig5 big5hkscs big5hkscs2004 big5eten big5plus big5e big5uao big52003 cp950 cp951 cp1370 cp1375 ' +
    'traditionalchinese hkscs big5hkscs1999 big5tw mactradchinese',
  armscii8: 'armscii8',
  rk1048: 'rk1048 kz1048 strk10482002',
  georgianps: 'georgianps',
};

const READ_AS: ReadonlyMap<string, string> = new Map(
  Object.entries(NAMES).flatMap(([decoded, names]) => names.split(' ').map(name => [name, decoded] as const)),
);

/** Prefixes of which an unknown name may get rid: `csISO2022JP`, `x-sjis`, `x-mac-roman`. */
const PREFIXES = ['', 'cs', 'x', 'xx', 'csx', 'iso', 'csiso', 'xiso', 'ms', 'xms'];
const PAGE =
  /^(?:x|cs|pc|csibm|csms|xms|xibm|ms|dos|oem|ibm|ccsid|cp|xcp|cscp|win|mswin|xwin|windows|xwindows|cswindows|codepage)?0{0,4}([1-9]\d{2,4})$/;

/**
 * What a mail's name of a charset is read as, '' for one that says nothing about the bytes. A name that is not known
 * here stays as it is, for a decoder that may know it.
 */
export function charsetNamed(declared: string): string {
  // What nearly all parts have: this one, or none.
  if (declared === 'utf-8' || declared === 'UTF-8' || declared === '') return '';
  const name = declared
    .slice(0, 120)
    .toLowerCase()
    .replace(/^[\s"'`;,<([=]*(?:charset|3d|[\s:="'])*/, '')
    // A language (RFC 2231), a parameter or a second name that was glued to it.
    .split(/[*;,"'`>)\]=]/)[0]!
    .trim();
  // A locale: de_DE.ISO8859-15
  return known(name.replace(/^[a-z]{2}_[a-z]{2}\./, '')) ?? name;
}

function known(name: string): string | undefined {
  const key = name.replaceAll(/[^a-z0-9]/g, '');
  for (const prefix of PREFIXES) {
    const found = key.startsWith(prefix) ? READ_AS.get(key.slice(prefix.length)) : undefined;
    if (found !== undefined) return found;
  }
  const page = PAGE.exec(key)?.[1];
  if (page !== undefined) return pageNamed(page);
  const part = /^(?:cs|x)?(?:iso)?8859(\d{1,2})(?:e|i|\d{4}|windows)?$/.exec(key)?.[1];
  return part === undefined ? undefined : charsetOfPart(Number(part));
}

function pageNamed(page: string): string {
  if (/^125[0-8]$/.test(page)) return `windows-${page}`;
  if (page === '874') return 'windows-874';
  const known = READ_AS.get(`cp${page}`);
  if (known !== undefined) return known;
  const part = Number(page) - 28_590;
  return part >= 1 && part <= 16 ? charsetOfPart(part) : `cp${page}`;
}

function charsetOfPart(part: number): string {
  return READ_AS.get(`iso8859${part}`) ?? `iso-8859-${part}`;
}
