/** What the configuration says to the store: the same for the daemon and for every verb of the command line. */
import type { Rules } from '../store/tx.js';
import type { Config } from './keys.js';

export function storeRules(config: Config): Rules {
  return {
    prefixes: config.reply.prefix,
    separator: config.reply.separator,
    delay: config.continuity.delay,
    maxSize: config.outbound.maxSize,
    operator: config.operator.address,
  };
}
