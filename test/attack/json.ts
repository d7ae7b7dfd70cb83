/**
 * Bodies at the API that cost more than they weigh: the attacker has one account's key and wants what all accounts share, the
 * thread and the memory. Millions of empty objects, lists in lists, long numbers, compressed bodies. What must hold: each is
 * refused in a bounded time and memory, and all others are served meanwhile.
 */
import { type AttackKind, newTally } from './attack.js';
import { bombs, post } from './forms.js';

const MIB = 1024 * 1024;

/** One element of a list of millions. */
const ELEMENTS: readonly string[] = ['{}', '[]', 'null', '""', '{"direction":"note","text":"x"}'];

export const json: AttackKind = {
  name: 'json',
  about: "bodies at the API, with one account's key, that cost more than they weigh",
  async run(target, { short }) {
    const tally = newTally();
    const key = target.acme.key;
    const { id } = await target.converse();
    const send = async (name: string, place: string, { type, body, headers = {} }: Body) => {
      const question = { method: 'POST', place, key, headers: { 'content-type': type, ...headers }, body };
      await post(target, `${name} at ${place}`, { question, tally, mayTake: false });
    };
    for (const { name, type, body, headers } of bombs(short))
      await send(name, '/v1/conversations', { type, body: body(), ...(headers === undefined ? {} : { headers }) });
    for (const element of ELEMENTS) {
      const list = `${element},`.repeat(((short ? 10 : 38) * MIB) / (element.length + 1)).slice(0, -1);
      const type = 'application/json';
      const conversation = `{"channel":"api","contact":{"email":"a@customer.example"},"messages":[${list}]}`;
      await send(`a list of ${element}`, '/v1/conversations', { type, body: conversation });
      const message = `{"direction":"outgoing","text":"x","attachments":[${list}],"cc":[${list.slice(0, MIB)}]}`;
      await send(`attachments of ${element}`, `/v1/conversations/${id}/messages`, { type, body: message });
    }
    return tally.result();
  },
};

interface Body {
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}
