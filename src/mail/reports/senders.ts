/**
 * Who sends reports: programs that are known by their name, and what else machines and their keepers are called. Nothing
 * throws.
 */
import type { Mail } from '../mail.js';
import { firstValue } from '../mime/headers.js';
import { phraseOf } from './bounce-phrases.js';

/** A program that never writes anything else stands in From; some write `MAILER-DAEMON <>`. */
export function isMailerDaemon(mail: Mail): boolean {
  if (mail.from === null) return /^["'\s]{0,3}mailer-daemon\b/i.test(firstValue(mail.headers, 'from'));
  const { email, name } = mail.from;
  return (
    /^(?:mailer[-_]?daemon|mail[-_]?daemon|mdaemon|microsoftexchange[0-9a-f]{32})@/i.test(email) ||
    /^(?:mail delivery (?:sub)?system|internet mail delivery|mailer[- ]daemon)$/i.test(name)
  );
}

/** True when a mail daemon, or a postmaster who may be a person too, stands in From. */
export function isDaemon(mail: Mail): boolean {
  return isMailerDaemon(mail) || /^postmaster@/i.test(mail.from?.email ?? '');
}

/** True when From may be a mail server's, or its keeper's: by itself it says little. */
export function isServerName(mail: Mail): boolean {
  return isDaemon(mail) || SERVER_ADDRESS.test(mail.from?.email ?? '') || SERVER_NAME.test(mail.from?.name ?? '');
}

const SERVER_ADDRESS =
  /^(?:post-?master|host-?master|mail-?master|daemon|mail-?(?:er|admin|system|server|gateway|router|service|robot|filter|delivery)|mail|smtp|exim|postfix|qmail|bounces?|bounced|no-?_?reply|do-?not-?reply|sys(?:tem|admin|op)?|root|admin|administrator|anti-?(?:spam|virus)|gateway|filter|ndr|notification|undelivered)(?:[+._-][^@]{0,64})?@/i;
const SERVER_NAME =
  /mail(?:er)?[ -]?(?:delivery|daemon|system|server|router|gateway|admin|transfer|agent|service|marshal|filter|guard|security)|delivery (?:sub)?system|delivery (?:service|agent)|system[ -]?administrat|post-?master|mail admin|administrat[eo]u?r|amministratore|systembeheerder|systemverwalter|správce|spravca|rendszergazda|sistem yöneticisi|администратор|почтов|αποστολ|系统|系統|郵件|邮件|邮箱|管理|メール|메일|시스템|관리자/i;

/** True when the mail says by a field and in its subject that it is a notice of failure, whoever stands in From. */
export function isFailureNotice(mail: Mail): boolean {
  if (mail.headers.some(field => field.name === 'x-ms-exchange-message-is-ndr')) return true;
  const automatic = firstValue(mail.headers, 'auto-submitted').toLowerCase();
  return /^auto-/.test(automatic) && phraseOf('failure', mail.subject) !== null;
}
