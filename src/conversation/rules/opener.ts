/**
 * With whom a conversation begins that a mail opens, and whom no answer reaches. Pure.
 *
 * The person in From, unless From is no person's address: our own one, one that takes no answer, or a list that put its
 * address into From (DMARC). Then it is the first other person who is named: in Reply-To, in the fields of lists that
 * keep the writer, in the name in From. A web form writes its own address into From and the visitor's into Reply-To: a
 * Reply-To at another domain is the person there, because answers go there anyway. Never an address of ours, a list's,
 * or one that takes no answer. Where nobody is named From stays, and nothing is mailed there (`isAnswerable`).
 */
import { normalizeAddress, sameAddress, splitAddress, takesNoAnswer } from '../../mail/address.js';
import type { HeaderField, Mailbox, MailKind } from '../../mail/mail.js';
import { isPersonal } from './hold.js';

/** Google Groups and others keep the writer here when they put the list into From. */
const KEPT_WRITER = ['x-original-from', 'x-original-sender'] as const;
const LIST_FIELDS = ['list-post', 'list-id', 'x-beenthere', 'mailing-list'] as const;
/** What `openerOf` asks of the header. */
export const OPENER_FIELDS = [...KEPT_WRITER, ...LIST_FIELDS] as const;

const MAX_NAMED = 20;

/** Begins the evidence that another than the person in From is the writer. */
export const OTHER_WRITER = 'writer: ';

export interface OpeningMail {
  readonly kind: MailKind;
  readonly from: Mailbox | null;
  readonly replyTo: readonly Mailbox[];
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  readonly headers: readonly HeaderField[];
}

/** Everybody who may have written it, From first, most telling first. The caller asks which of them are ours. */
export function namedWriters(mail: OpeningMail): readonly Mailbox[] {
  const { from, replyTo, cc } = mail;
  const kept = mail.headers.filter(field => KEPT_WRITER.some(each => each === field.name)).map(field => field.value);
  // jane=40client.example@dmarc.ietf.org
  const inAddress = /^(.{1,64})=40(.{3,200})@dmarc\./i.exec(from?.email ?? '');
  const texts = [...kept, from?.name ?? '', inAddress === null ? '' : `${inAddress[1]}@${inAddress[2]}`];
  const found = texts.map(addressIn).filter(email => email !== null);
  // A list that takes the answers itself copies the writer.
  const name = rewrittenName(from);
  const copied = name ? cc.filter(box => box.name.toLowerCase() === name.toLowerCase()) : [];
  const others = [...replyTo.slice(0, MAX_NAMED), ...found.map(email => ({ name: '', email })), ...copied].slice(
    0,
    MAX_NAMED,
  );
  return from === null ? others : [from, ...others];
}

/** The first address in a text, such as "jane@client.example via Help". */
function addressIn(text: string): string | null {
  return normalizeAddress(/[^\s<>()"',;:]{1,64}@[^\s<>()"',;:]{1,255}/.exec(text.slice(0, 2000))?.[0] ?? '');
}

/** Who opens it, and why it is not he who stands in From. `isOurs`: of the addresses of `namedWriters`. */
export function openerOf(
  mail: OpeningMail,
  isOurs: (address: string) => boolean,
): { readonly person: Mailbox | null; readonly evidence: readonly string[] } {
  const { from } = mail;
  const lists = listAddresses(mail);
  const isOfList = (address: string) => lists.some(list => sameAddress(list, address));
  const reason =
    from === null
      ? 'no From field'
      : isOurs(from.email)
        ? `${from.email} is ours`
        : takesNoAnswer(from.email)
          ? `${from.email} takes no answer`
          : isRewritten(mail) || isOfList(from.email)
            ? `${from.email} is a list`
            : null;
  const others = namedWriters(mail)
    .slice(from === null ? 0 : 1)
    .filter(({ email }) => !(from !== null && sameAddress(email, from.email)))
    .filter(({ email }) => !isOurs(email) && !takesNoAnswer(email) && !isOfList(email));
  const other = reason === null ? replyToElsewhere(mail, others) : (others[0] ?? null);
  if (other === null) return { person: from, evidence: [] };
  const name = other.name || nameOf(from, other.email);
  return {
    person: { name, email: other.email },
    evidence: [`${OTHER_WRITER}${other.email}, because ${reason ?? ELSEWHERE}`],
  };
}

const ELSEWHERE = 'Reply-To names somebody else';

/** A robot's Reply-To is where its next robot reads; a person's own domain is his firm's. */
function replyToElsewhere(mail: OpeningMail, others: readonly Mailbox[]): Mailbox | null {
  const { from, replyTo } = mail;
  if (from === null || !isPersonal(mail.kind) || replyTo.some(box => sameAddress(box.email, from.email))) return null;
  const named = others.find(({ email }) => replyTo.some(box => box.email === email)) ?? null;
  return named === null || (domainOf(named.email) === domainOf(from.email) && !FORM.test(from.email)) ? null : named;
}

/** Programs of web sites, by what stands before the @. */
const FORM =
  /^(?:web(?:site|form|master|server|mailer)?|www(?:-data)?|forms?|(?:contact|kontakt)-?(?:form|formular|us)?|apache|nginx|httpd?|nobody|wordpress|joomla|drupal|typo3|cgi|php|mailer|system|server|root)(?:[._+-][^@]{0,64})?@/i;

/** The list stands in From, and the writer somewhere else. */
function isRewritten({ from, headers }: OpeningMail): boolean {
  if (from === null) return false;
  return (
    headers.some(field => field.name === 'x-original-from') ||
    rewrittenName(from) !== null ||
    /=40.{3,200}@dmarc\./i.test(from.email)
  );
}

/** Where a list takes its mails: those are nobody's. Of an ordinary mail none. */
function listAddresses({ headers, to }: OpeningMail): readonly string[] {
  const fields = headers.filter(field => LIST_FIELDS.some(name => name === field.name));
  const posts = fields
    .filter(field => field.name === 'list-post' || field.name === 'x-beenthere')
    .flatMap(field => field.value.slice(0, 2000).split(/[\s,;<>?]+/))
    .map(word => word.replace(/^mailto:/i, ''))
    .filter(word => word.includes('@'));
  if (posts.length > 0 || fields.length === 0) return posts;
  return to.slice(0, MAX_NAMED).map(box => box.email);
}

/** "Jane Doe via Help" is Jane Doe, as "'Jane Doe' via Help" is; '' when an address alone stands there; null: no such name. */
function rewrittenName(from: Mailbox | null): string | null {
  const name = /^(.{1,200}?) via [^@]{1,80}$/i.exec(from?.name ?? '')?.[1];
  if (name === undefined) return null;
  const words = name.replace(/[(<].*$/, '').split(' ');
  return words
    .filter(word => !word.includes('@'))
    .join(' ')
    .replace(/^['"\s]+|['"\s]+$/g, '');
}

/** Another name in From is his when his address speaks of it. */
function nameOf(from: Mailbox | null, email: string): string {
  const rewritten = rewrittenName(from);
  if (rewritten !== null) return rewritten;
  const name = from?.name ?? '';
  const local = splitAddress(email)?.localPart.toLowerCase() ?? '';
  return name.split(/[\s,.]+/).some(word => word.length > 2 && local.includes(word.toLowerCase())) ? name : '';
}

function domainOf(address: string): string {
  return splitAddress(address)?.domain.toLowerCase() ?? '';
}

/** False for an address that no answer goes to. `isOurs`: it is one that replyd itself takes mail at, or the account's. */
export function isAnswerable(address: string, isOurs: boolean): boolean {
  return !isOurs && !takesNoAnswer(address);
}
