/** Every kind of attack, in the order in which they run. */
import type { AttackKind } from './attack.js';
import { relayTricks } from './relay.js';
import { smuggling } from './smuggling.js';

export const KINDS: readonly AttackKind[] = [smuggling, relayTricks];
