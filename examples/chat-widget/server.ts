/**
 * The backend of a chat widget that uses replyd, to be copied: Node alone, no framework.
 *
 *   POST /visitors/ID/messages   {text, name?, email?}   the visitor says something
 *   GET  /visitors/ID/messages                           what his widget shows; while it is open he is present
 *   POST /visitors/ID/answers    {text, agent}           an agent answers
 *   POST /replyd                                         replyd's webhooks
 *
 * Everything that is said is told to replyd at once. Is the visitor gone, replyd mails him the answers after a while;
 * what he writes back by mail comes as a webhook and stands in his widget. Other channels (Facebook, WhatsApp …) work the
 * same: their ids are `source_id`s, and what comes in by mail is posted there instead of shown here.
 *
 * Start: REPLYD_URL=http://127.0.0.1:8025 REPLYD_KEY=rpk_… REPLYD_SECRET=whsec_… PORT=3000 \
 *   node examples/chat-widget/server.ts
 */
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';

export interface ChatOptions {
  readonly replyd: string;
  readonly key: string;
  /** Of `replyd hook add`. */
  readonly secret: string;
  readonly channel?: string;
}

type Line = { readonly id: string; readonly who: string; readonly text: string };

interface Message {
  readonly id: string;
  readonly direction: string;
  readonly held: boolean;
  readonly text: string;
  readonly author: { readonly name: string; readonly email: string | null };
}

interface Event {
  readonly id: string;
  readonly type: string;
  readonly conversation: { readonly source_id: string } | null;
  readonly message: Message | null;
}

export function createChat(options: ChatOptions): Server {
  // Two tables in a real program: visitor → conversation, and what stands in his widget.
  const conversations = new Map<string, string>();
  const widgets = new Map<string, Line[]>();

  async function replyd<T>(method: string, path: string, body: unknown): Promise<T> {
    const response = await fetch(options.replyd + path, {
      method,
      headers: { authorization: `Bearer ${options.key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`replyd: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async function conversationOf(visitor: string, who: { name?: string; email?: string }): Promise<string> {
    const known = conversations.get(visitor);
    if (known !== undefined) return known;
    // With this source_id it is the same conversation again, also after a restart or a lost answer.
    const start = {
      channel: options.channel ?? 'web_widget',
      source_id: visitor,
      contact: { source_id: visitor, ...who },
    };
    const made = await replyd<{ id: string }>('POST', '/v1/conversations', start);
    conversations.set(visitor, made.id);
    return made.id;
  }

  async function say(visitor: string, body: Record<string, string>, direction: 'incoming' | 'outgoing') {
    const { text = '', name, email, agent } = body;
    const who = { ...(name ? { name } : {}), ...(email ? { email } : {}) };
    const id = await conversationOf(visitor, direction === 'incoming' ? who : {});
    const message = await replyd<Message>('POST', `/v1/conversations/${id}/messages`, {
      direction,
      text,
      // Of the row in your own table: sent again it is the same message.
      source_id: randomUUID(),
      ...(agent ? { agent: { name: agent } } : {}),
    });
    return show(visitor, { id: message.id, who: agent ?? name ?? 'Visitor', text });
  }

  /** Once, however often it is told. */
  function show(visitor: string, line: Line): Line {
    const widget = widgets.get(visitor) ?? [];
    if (!widget.some(each => each.id === line.id)) widgets.set(visitor, [...widget, line]);
    return line;
  }

  /** The Standard Webhooks scheme: id, time and body, signed by the hook's secret. */
  function isSigned(request: IncomingMessage, body: string): boolean {
    const [id, time] = [request.headers['webhook-id'], request.headers['webhook-timestamp']];
    if (Math.abs(Date.now() / 1000 - Number(time)) > 300) return false;
    const key = Buffer.from(options.secret.replace('whsec_', ''), 'base64');
    const mine = createHmac('sha256', key).update(`${id}.${time}.${body}`).digest();
    return String(request.headers['webhook-signature'])
      .split(' ')
      .map(each => Buffer.from(each.replace('v1,', ''), 'base64'))
      .some(theirs => theirs.length === mine.length && timingSafeEqual(theirs, mine));
  }

  function hear({ type, conversation, message }: Event): void {
    if (type !== 'message.created' || conversation === null || message === null) return;
    if (message.direction !== 'incoming' || message.text === '') return;
    show(conversation.source_id, { id: message.id, who: message.author.name || 'Visitor', text: message.text });
  }

  async function answer(request: IncomingMessage): Promise<{ status: number; body?: unknown }> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    if (request.method === 'POST' && request.url === '/replyd') {
      if (!isSigned(request, body)) return { status: 401 };
      hear(JSON.parse(body) as Event);
      return { status: 204 };
    }
    const [, visitor, what] = /^\/visitors\/([\w-]{1,64})\/(messages|answers)$/.exec(request.url ?? '') ?? [];
    if (visitor === undefined) return { status: 404 };
    if (request.method === 'GET') {
      const conversation = conversations.get(visitor);
      // He is looking: nothing has to be mailed to him.
      if (conversation !== undefined) await replyd('POST', `/v1/conversations/${conversation}/seen`, {});
      return { status: 200, body: widgets.get(visitor) ?? [] };
    }
    return { status: 201, body: await say(visitor, JSON.parse(body), what === 'answers' ? 'outgoing' : 'incoming') };
  }

  return createServer((request, response) => {
    answer(request)
      .catch(error => ({ status: 502, body: { error: String(error) } }))
      .then(({ status, body }: { status: number; body?: unknown }) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(body === undefined ? '' : JSON.stringify(body));
      });
  });
}

const { REPLYD_URL, REPLYD_KEY, REPLYD_SECRET, PORT } = process.env;
if (REPLYD_URL && REPLYD_KEY && REPLYD_SECRET) {
  createChat({ replyd: REPLYD_URL, key: REPLYD_KEY, secret: REPLYD_SECRET }).listen(Number(PORT ?? 3000));
}
