/**
 * /openapi.json (OpenAPI 3.1), made from the routes, from the schemas that check requests, from the health pages, and from the
 * types of events for the webhooks.
 */
import type { TObject, TSchema } from 'typebox';
import { EVENT_TYPES, EVENT_WORDS } from '../conversation/vocabulary.js';
import { BODY_EXAMPLES, SHAPE_EXAMPLES } from './examples.js';
import type { OpenPlace } from './health.js';
import type { Route } from './route.js';
import { SHAPES, type ShapeName } from './schema.js';

type Json = Readonly<Record<string, unknown>>;

const ERRORS: Readonly<Record<string, string>> = {
  '401': 'The bearer key is missing, unknown or revoked.',
  '403': 'Not for this caller: only for an admin of the account, or only for an agent who is signed in.',
  '404': 'There is nothing of this name in the account.',
  '409': 'It is not in a state for that, or the address belongs to another contact (contact_id).',
  '413': 'Too large.',
  '415': 'The body is no JSON, or compressed.',
  '422': 'Not understood; errors say where.',
  '429': 'Too many requests with this key; Retry-After says when.',
  '503': 'Trouble of our own, try again.',
};

/** Errors of routes that take a body. */
const OF_BODIES: ReadonlySet<string> = new Set(['413', '415']);

/** By the first word of a path behind /v1. */
const TAGS: Readonly<Record<string, string>> = {
  conversations: 'What one contact and the team say to each other, and the messages in it.',
  messages: 'One entry of a conversation, with its mail and attachments.',
  attachments: 'Files of messages.',
  contacts: 'The people an account talks to.',
  deliveries: 'What is on its way out.',
  queue: 'Whether mails may leave.',
  search: 'Messages by their words.',
  preview: 'Markdown as it will be mailed.',
  hooks: 'Where events are posted.',
  events: 'The event stream.',
  agents: 'The people who answer.',
  me: 'Who is signed in.',
  accounts: 'Tenants and their settings.',
  keys: 'What applications show to use this API.',
  stats: 'Figures of the whole store.',
  health: 'For whoever watches the daemon; without a key.',
};

export function openApi(
  routes: readonly Route[],
  { version, open }: { readonly version: string; readonly open: readonly OpenPlace[] },
): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    paths[route.path]![route.method.toLowerCase()] = operation(route);
  }
  for (const place of open) paths[place.path] = { get: openOperation(place) };
  return {
    openapi: '3.1.0',
    info: {
      title: 'replyd',
      version,
      description:
        'Tell replyd what was said, let it decide when an e-mail is due, hear when the customer answered. Times are RFC 3339 in UTC, ids are opaque.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [
      { url: 'http://127.0.0.1:8025', description: 'Where `http.listen` listens by default; TLS is your proxy’s.' },
    ],
    security: [{ key: [] }],
    tags: Object.entries(TAGS)
      .filter(([name]) => name === 'health' || routes.some(route => tagOf(route) === name))
      .map(([name, description]) => ({ name, description })),
    paths,
    webhooks: Object.fromEntries(EVENT_TYPES.map(type => [type, { post: webhook(type) }])),
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: '`replyd key add`' } },
      schemas: Object.fromEntries(Object.entries(SHAPES).map(([name, schema]) => [name, plain(schema)])),
    },
  };
}

function tagOf({ path }: Pick<Route, 'path'>): string {
  return path.split('/')[2]!;
}

function webhook(type: (typeof EVENT_TYPES)[number]): Json {
  const header = (name: string, description: string) => ({
    ...{ name, in: 'header', required: true, schema: { type: 'string' }, description },
  });
  return {
    summary: EVENT_WORDS[type],
    operationId: `webhook_${type.replace('.', '_')}`,
    tags: ['hooks'],
    security: [],
    parameters: [
      header('webhook-id', 'Of the event: the same when it comes again.'),
      header('webhook-timestamp', 'When it was sent, seconds since 1970.'),
      header('webhook-signature', 'By the scheme of Standard Webhooks, with the secret of the hook.'),
    ],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: reference('Event'), example: example(type) } },
    },
    responses: {
      '204': { description: 'It was taken; any 2xx says so.' },
      '410': { description: 'Nobody wants events here any more: the hook is switched off.' },
    },
  };
}

function example(type: string): unknown {
  return { ...(SHAPE_EXAMPLES.Event as object), type };
}

function operation(route: Route): Json {
  const errors = Object.entries(ERRORS)
    .filter(([status]) => route.body !== undefined || !OF_BODIES.has(status))
    .map(([status, description]) => [
      status,
      { description, content: { 'application/problem+json': { schema: reference('Problem') } } },
    ]);
  const sent = BODY_EXAMPLES[`${route.method} ${route.path}`];
  return {
    tags: [tagOf(route)],
    summary: route.summary,
    operationId: operationId(route),
    parameters: [
      ...[...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string' },
        ...(name === 'ref'
          ? { description: "The id, the number within the key's account, or slug:number with an operator's key." }
          : {}),
      })),
      ...queryParameters(route.query),
      ...(route.method === 'POST'
        ? [
            {
              name: 'Idempotency-Key',
              in: 'header',
              required: false,
              schema: { type: 'string', maxLength: 255 },
              description: 'The same request with the same key within 24 hours is done once and answered twice.',
            },
          ]
        : []),
    ],
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: (route.body.required ?? []).length > 0,
            content: {
              'application/json': { schema: plain(route.body), ...(sent === undefined ? {} : { example: sent }) },
            },
          },
        }),
    responses: {
      ...(route.finds ? { 200: answer('It was there.', route.gives) } : {}),
      [route.status]: answer(route.summary, route.gives),
      ...Object.fromEntries(errors),
    },
  };
}

function openOperation({ path, summary, answers }: OpenPlace): Json {
  const responses = Object.entries(answers).map(([status, gives]) => [status, answer(summary, gives)]);
  return {
    tags: ['health'],
    summary,
    operationId: `get_${path.slice(1)}`,
    security: [],
    responses: Object.fromEntries(responses),
  };
}

function answer(description: string, gives: Route['gives']): Json {
  if (gives === null) return { description };
  if ('media' in gives) return { description, content: { [gives.media]: {} } };
  return {
    description,
    content: { 'application/json': 'one' in gives ? one(gives.one) : list(gives.list) },
  };
}

function one(shape: ShapeName): Json {
  const shown = SHAPE_EXAMPLES[shape];
  return { schema: reference(shape), ...(shown === undefined ? {} : { example: shown }) };
}

function list(shape: ShapeName): Json {
  const shown = SHAPE_EXAMPLES[shape];
  return { schema: page(shape), ...(shown === undefined ? {} : { example: { data: [shown], next_cursor: null } }) };
}

function page(shape: ShapeName): Json {
  return {
    type: 'object',
    required: ['data', 'next_cursor'],
    properties: {
      data: { type: 'array', items: reference(shape) },
      next_cursor: { type: ['string', 'null'], description: 'Give it as `cursor` for the next page.' },
    },
  };
}

function queryParameters(query: TObject | undefined): readonly Json[] {
  const required = new Set(query?.required ?? []);
  return Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.has(name),
    schema: plain(schema),
  }));
}

/** `POST /v1/conversations/{ref}/rotate-token` → `post_conversations_rotate_token` */
function operationId(route: Route): string {
  const words = route.path
    .replace('/v1/', '')
    .replaceAll(/\/\{(\w+)\}$/g, '/one')
    .replaceAll(/\{\w+\}\//g, '');
  return `${route.method.toLowerCase()}_${words.replaceAll(/[/-]/g, '_')}`;
}

function reference(name: ShapeName): Json {
  return { $ref: `#/components/schemas/${name}` };
}

/** JSON Schema as it is written: a shape that stands within another becomes a reference to it. */
function plain(schema: TSchema): Json {
  return rewritten({ ...schema, $id: undefined }) as Json;
}

function rewritten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rewritten);
  if (typeof value !== 'object' || value === null) return value;
  const { $id, ...rest } = value as Record<string, unknown>;
  if (typeof $id === 'string') return reference($id as ShapeName);
  return Object.fromEntries(Object.entries(rest).map(([name, each]) => [name, rewritten(each)]));
}
