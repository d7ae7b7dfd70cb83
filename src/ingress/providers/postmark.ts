/**
 * Postmark's door: one mail a post, as JSON (`postmark-post.ts`). Proof: HTTP Basic in the address of the webhook,
 * before the body is read.
 */
import { isSecret } from '../../base/http.js';
import { BASIC_USER, type Door, discard, whole } from '../door.js';
import { readJsonPosts } from './json-posts.js';

export const readPostmark: Door = async ({ exchange, secrets, spool, folder, maxSize, maxBody }) => {
  const credentials = exchange.basic();
  if (credentials?.user !== BASIC_USER || !isSecret(credentials.password, secrets)) {
    return {
      word: 'unproven',
      detail: `The webhook's address must hold the user "${BASIC_USER}" and ingress.postmark.password.`,
    };
  }
  const limits = { maxSize: maxBody, cutOffSize: maxBody * 2, cutOff: () => exchange.stream.destroy() };
  const received = whole(await spool.receive(exchange.stream, limits));
  if (received.word !== 'complete') return received;
  try {
    return await readJsonPosts('postmark', received.raw, { folder, maxSize });
  } finally {
    received.release();
    await discard(received.raw);
  }
};
