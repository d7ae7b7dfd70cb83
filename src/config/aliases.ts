/**
 * Environment variables of Rails Action Mailbox that stand for keys of ours. One counts only where its key is set neither
 * in the file nor by its own variable, and a notice always mentions it, so that an operator knows why a door is open. What
 * is not understood is a warning, never an error: the variables belong to another program. No text holds the secret.
 */

import { readDomain } from '../base/place.js';
import type { KeyName } from './keys.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Rails has one password for these; which door it opens is said by RAILS_INBOUND_EMAIL_SERVICE. */
const PASSWORD_KEYS: Readonly<Record<string, KeyName>> = {
  relay: 'ingress.relay.password',
  postfix: 'ingress.relay.password',
  exim: 'ingress.relay.password',
  qmail: 'ingress.relay.password',
  postmark: 'ingress.postmark.password',
  sendgrid: 'ingress.sendgrid.password',
};

/** Services of Rails whose proof is a key of their own, not the password. */
const KEY_SERVICES = ['mailgun', 'mandrill'];

/** Reads the aliases; `isSet` says which keys have a value already. */
export function readAliases(env: Environment, isSet: (key: KeyName) => boolean) {
  const values = new Map<KeyName, { variable: string; value: string }>();
  const notices: string[] = [];
  const warnings: string[] = [];
  const take = (variable: string, key: KeyName) => {
    const value = env[variable];
    if (value === undefined || value === '') return;
    if (isSet(key)) {
      notices.push(`${variable} is not used: ${key} is set`);
    } else {
      values.set(key, { variable, value });
      notices.push(`${variable} is used as ${key}`);
    }
  };

  const service = (env.RAILS_INBOUND_EMAIL_SERVICE ?? '').trim().toLowerCase() || 'relay';
  const passwordKey = Object.hasOwn(PASSWORD_KEYS, service) ? PASSWORD_KEYS[service] : undefined;
  if (passwordKey !== undefined) {
    take('RAILS_INBOUND_EMAIL_PASSWORD', passwordKey);
  } else if (!KEY_SERVICES.includes(service)) {
    warnings.push(
      'RAILS_INBOUND_EMAIL_SERVICE is not one of relay, mailgun, mandrill, postmark, sendgrid; it opens no door',
    );
  } else if (env.RAILS_INBOUND_EMAIL_PASSWORD) {
    notices.push(`RAILS_INBOUND_EMAIL_PASSWORD is not used: the service is ${service}`);
  }
  take('MAILGUN_INGRESS_SIGNING_KEY', 'ingress.mailgun.signing_key');
  take('MANDRILL_INGRESS_API_KEY', 'ingress.mandrill.key');

  const written = env.MAILER_INBOUND_EMAIL_DOMAIN ?? '';
  // Domains belong to accounts, so it is only a proposal for one.
  const inboundDomain = written === '' ? null : readDomain(written);
  if (inboundDomain !== null) {
    notices.push(
      `MAILER_INBOUND_EMAIL_DOMAIN: new accounts get the inbound domain ${inboundDomain} unless --domain says another`,
    );
  } else if (written !== '') {
    warnings.push('MAILER_INBOUND_EMAIL_DOMAIN is not a domain and not used');
  }
  return { values, inboundDomain, notices, warnings };
}
