/** The query of the event stream: of what somebody wants to hear. */
import { Type } from 'typebox';
import type { EventType } from '../conversation/model.js';
import { EVENT_TYPES } from '../conversation/vocabulary.js';
import { account, strict } from './schema.js';

const ANY_TYPE = EVENT_TYPES.join('|').replaceAll('.', '\\.');
export const EventQuery = strict({
  account: Type.Optional(account),
  types: Type.Optional(
    Type.String({
      maxLength: 500,
      pattern: `^(?:${ANY_TYPE})(?:,(?:${ANY_TYPE}))*$`,
      description: `Only events of these types, with commas between them: ${EVENT_TYPES.join(', ')}.`,
    }),
  ),
  conversation: Type.Optional(
    Type.String({ maxLength: 80, description: 'Only events of this conversation: its id, or number as in a path.' }),
  ),
});

/** The types of a query that was checked. */
export function eventTypes(list: string): readonly EventType[] {
  return list.split(',') as EventType[];
}
