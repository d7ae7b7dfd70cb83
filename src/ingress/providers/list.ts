/**
 * The providers, one line each. To add one, write its file beside the others, name it here, and give its name to `VIAS`
 * in `conversation/vocabulary.ts` (the compiler asks for it).
 */
import { mailgun } from './mailgun.js';
import { mandrill } from './mandrill.js';
import { postmark } from './postmark.js';
import type { Provider } from './provider.js';
import { relay } from './relay.js';
import { sendgrid } from './sendgrid.js';

export const PROVIDERS = [relay, mailgun, mandrill, postmark, sendgrid] as const satisfies readonly Provider[];

export type ProviderName = (typeof PROVIDERS)[number]['name'];

/** The key in the configuration that holds a provider's secrets. */
export type SecretKey<P = (typeof PROVIDERS)[number]> = P extends { name: infer N; secretKey: infer K }
  ? `ingress.${N & string}.${K & string}`
  : never;

export function secretKeyOf(provider: (typeof PROVIDERS)[number]): SecretKey {
  return `ingress.${provider.name}.${provider.secretKey}` as SecretKey;
}

/** The provider who posts to this address, with or without a slash at its end. */
export function providerAt(path: string): (typeof PROVIDERS)[number] | null {
  const plain = path.endsWith('/') ? path.slice(0, -1) : path;
  return PROVIDERS.find(({ paths }) => (paths as readonly string[]).includes(plain)) ?? null;
}
