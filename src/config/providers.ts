/** What a configuration says of the providers, in the order of their list. */
import { PROVIDERS, type ProviderName, secretKeyOf } from '../ingress/providers/list.js';
import { type Config, readKey } from './keys.js';

/** Each provider's secrets; an empty list closes its door. */
export function secretsOf(config: Config): Readonly<Record<ProviderName, readonly string[]>> {
  const entries = PROVIDERS.map(provider => [provider.name, readKey(config, secretKeyOf(provider))]);
  return Object.fromEntries(entries) as Record<ProviderName, readonly string[]>;
}

/** The providers whose door is open. */
export function openProviders(config: Config): readonly (typeof PROVIDERS)[number][] {
  const secrets = secretsOf(config);
  return PROVIDERS.filter(({ name }) => secrets[name].length > 0);
}
