/** What a search gives: a message that was found, where it stands, and the piece of its text that shows why. */
import { Type } from 'typebox';
import { Conversation, Message } from '../model.js';
import { orNull, type Shape } from '../schema.js';

const { id, number, account, subject, status } = Conversation.properties;
const { seq, direction, kind, held, received_at } = Message.properties;
const { name, email, role } = Message.properties.author.properties;

export const SearchHit = Type.Object(
  {
    conversation: Type.Object({
      id,
      number,
      account,
      subject,
      status,
      contact: Type.Object({ id, name: Type.String(), email: orNull(Type.String()) }),
    }),
    message: Type.Object({
      id,
      seq,
      direction,
      kind,
      author: Type.Object({ name, email, role }),
      held,
      received_at,
    }),
    snippet: Type.Object(
      {
        text: Type.String({ description: 'Plain text on one line; … stands for what was left out.' }),
        hits: Type.Array(Type.Object({ at: Type.Integer(), length: Type.Integer() }), {
          description:
            'Where in `text` what was asked for stands, in UTF-16 code units. Empty: it was found elsewhere.',
        }),
      },
      { description: "Of the message's own text." },
    ),
  },
  { $id: 'SearchHit' },
);
export type SearchHit = Shape<typeof SearchHit>;
