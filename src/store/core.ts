/**
 * The code of the core: the verbs that every CLI verb loads, or nearly so. The code behind the others (`all.ts`) takes a
 * short CLI verb longer to load than all it does.
 */
import * as accounts from './verbs/accounts.js';
import * as composing from './verbs/composing.js';
import * as conversations from './verbs/conversations.js';
import * as deliveries from './verbs/deliveries.js';
import * as hooks from './verbs/hooks.js';
import * as keys from './verbs/keys.js';
import * as messages from './verbs/messages.js';
import * as participants from './verbs/participants.js';
import * as queued from './verbs/queued.js';
import * as releasing from './verbs/releasing.js';
import * as tokens from './verbs/tokens.js';
import { dropsMore, dropWaitingPart } from './verbs/waiting.js';
import * as events from './views/events.js';

export const core = {
  ...accounts,
  ...participants,
  ...conversations,
  ...messages,
  ...releasing,
  ...deliveries,
  ...queued,
  ...composing,
  ...keys,
  ...hooks,
  ...events,
  ...tokens,
  dropsMore,
  dropWaitingPart,
};
