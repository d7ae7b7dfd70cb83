/** The small JSON bodies of the page's own routes: texts by name. Throws invalid, wrong_content_type, too_large. */
import { ReplydError } from '../base/errors.js';
import type { Exchange } from '../base/http.js';

/** Bytes of a body: a password of 1,000 characters in escapes fits. */
const MAX_BODY = 16 * 1024;

/** No body at all is one without fields. */
export async function readFields(exchange: Exchange): Promise<Readonly<Record<string, unknown>>> {
  const { content, size } = await exchange.body({ maxSize: MAX_BODY });
  if (size === 0) return {};
  const type = (exchange.header('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new ReplydError('wrong_content_type', 'The body must be JSON: `Content-Type: application/json`.');
  }
  const value = parsed('bytes' in content ? Buffer.from(content.bytes).toString('utf8') : '');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ReplydError('invalid_json', 'The body must be a JSON object.');
  }
  return value as Readonly<Record<string, unknown>>;
}

export function textOf(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (typeof value !== 'string') throw new ReplydError('invalid', `\`${name}\` must be a text.`);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What the parser says would quote the body.
    throw new ReplydError('invalid_json', 'The body is no JSON.');
  }
}
