/** The words of `model.ts` about people in Cc, in a file of their own because that one is full. */
import { type Static, Type } from 'typebox';
import { type Shape, words } from './schema.js';
import { CC_POLICIES } from './vocabulary.js';

export const CcPolicy = words(CC_POLICIES, {
  description: 'Whether people in Cc of customers get the answers (carry, the default), are suggested, or neither.',
});
export type CcPolicy = Static<typeof CcPolicy>;

/** Somebody whom a participant put into Cc, or the team. */
export const CcPerson = Type.Object({
  id: Type.String(),
  name: Type.String(),
  email: Type.String(),
  state: words(['carried', 'suggested'], {
    description: 'Carried: he gets the answers. Suggested: the team may add him.',
  }),
});
export type CcPerson = Shape<typeof CcPerson>;
