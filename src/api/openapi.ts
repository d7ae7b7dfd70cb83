/** /openapi.json (OpenAPI 3.1), made from the routes, from the schemas that check requests, and from the health pages. */
import type { TObject, TSchema } from 'typebox';
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
    },
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: '`replyd key add`' } },
      schemas: Object.fromEntries(Object.entries(SHAPES).map(([name, schema]) => [name, plain(schema)])),
    },
  };
}

function operation(route: Route): Json {
  const errors = Object.entries(ERRORS).map(([status, description]) => [
    status,
    { description, content: { 'application/problem+json': { schema: reference('Problem') } } },
  ]);
  return {
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
            content: { 'application/json': { schema: plain(route.body) } },
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
  return { summary, operationId: `get_${path.slice(1)}`, security: [], responses: Object.fromEntries(responses) };
}

function answer(description: string, gives: Route['gives']): Json {
  if (gives === null) return { description };
  if ('media' in gives) return { description, content: { [gives.media]: {} } };
  return {
    description,
    content: { 'application/json': { schema: 'one' in gives ? reference(gives.one) : page(gives.list) } },
  };
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
