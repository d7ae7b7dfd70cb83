/**
 * What came with a request against the schemas of its route. What is wrong is ReplydError('invalid'): `errors` names each
 * place (a JSON pointer into the body, `?name` in the query) in words for the one who wrote the request, and `detail`
 * says the first of them.
 */
import type { TObject, TSchema } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler, type ValueError, ValueErrorType } from '@sinclair/typebox/compiler';
import { ReplydError } from '../base/errors.js';

const compiled = new WeakMap<TObject, TypeCheck<TObject>>();
const MAX_ISSUES = 20;

/** Throws unless the body is as the schema says. */
export function checkBody(schema: TObject, value: unknown): void {
  check(schema, value, path => path || '/');
}

/** The query as the schema says, whole numbers as such; without a schema there must be none. */
export function readQuery(schema: TObject | undefined, query: URLSearchParams): unknown {
  const values: Record<string, unknown> = {};
  for (const [name, text] of query) {
    if (schema === undefined) {
      throw new ReplydError('invalid', `There is no parameter ${JSON.stringify(name.slice(0, 80))} here.`);
    }
    if (Object.hasOwn(values, name)) {
      throw new ReplydError('invalid', `The parameter ${JSON.stringify(name.slice(0, 80))} was given twice.`);
    }
    const whole = schema.properties[name]?.type === 'integer' && /^-?\d{1,15}$/.test(text);
    Object.defineProperty(values, name, { value: whole ? Number(text) : text, enumerable: true });
  }
  if (schema !== undefined) check(schema, values, path => `?${path.slice(1)}`);
  return values;
}

function check(schema: TObject, value: unknown, place: (path: string) => string): void {
  let checker = compiled.get(schema);
  if (checker === undefined) {
    checker = TypeCompiler.Compile(schema);
    compiled.set(schema, checker);
  }
  if (checker.Check(value)) return;
  const errors: { path: string; message: string }[] = [];
  for (const error of checker.Errors(value)) {
    const path = place(error.path.slice(0, 200));
    if (!errors.some(each => each.path === path)) errors.push({ path, message: wordsFor(error) });
    if (errors.length === MAX_ISSUES) break;
  }
  const first = errors[0]!;
  throw new ReplydError('invalid', `${first.path}: ${first.message}.`, { details: { errors } });
}

function wordsFor({ type, message, schema }: ValueError): string {
  switch (type) {
    case ValueErrorType.ObjectAdditionalProperties:
      return `There is no such field here, only ${Object.keys(schema.properties).join(', ')}`;
    case ValueErrorType.ObjectRequiredProperty:
      return `Is required: ${expected(schema) ?? 'it has no default'}`;
    case ValueErrorType.StringFormat:
      return 'Expected a time (RFC 3339), such as 2026-01-31T12:00:00Z';
    default:
      return Array.isArray(schema.enum) ? `Expected ${expected(schema)}` : message;
  }
}

function expected(schema: TSchema): string | null {
  if (Array.isArray(schema.enum)) return `one of ${schema.enum.join(', ')}`;
  return typeof schema.type === 'string' ? schema.type : null;
}
