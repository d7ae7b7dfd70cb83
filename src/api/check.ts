/**
 * Checks query and body of a request against the schemas of its route. A schema is compiled once, at its first use.
 *
 * Throws ReplydError('invalid'): `errors` names each place (a JSON pointer into the body, `?name` in the query) and says
 * what is wrong there; `detail` says the first.
 */
import type { TObject } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Format } from 'typebox/format';
import { ReplydError } from '../base/errors.js';

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/i;
Format.Set('date-time', text => DATE_TIME.test(text) && !Number.isNaN(Date.parse(text)));

const compiled = new WeakMap<TObject, Pick<Validator, 'Check' | 'Errors'>>();
const MAX_ISSUES = 20;

/** Throws unless the body is as the schema says. */
export function checkBody(schema: TObject, value: unknown): void {
  check(schema, value, path => path || '/');
}

/** The query as the schema says, whole numbers and `true` and `false` as such; without a schema there must be none. */
export function readQuery(schema: TObject | undefined, query: URLSearchParams): unknown {
  const values: Record<string, unknown> = {};
  for (const [name, text] of query) {
    if (schema === undefined) {
      throw new ReplydError('invalid', `There is no parameter ${JSON.stringify(name.slice(0, 80))} here.`);
    }
    if (Object.hasOwn(values, name)) {
      throw new ReplydError('invalid', `The parameter ${JSON.stringify(name.slice(0, 80))} was given twice.`);
    }
    const type = (schema.properties[name] as { type?: string } | undefined)?.type;
    const whole = type === 'integer' && /^-?\d{1,15}$/.test(text);
    const flag = type === 'boolean' && /^(?:true|false)$/.test(text);
    const value = whole ? Number(text) : flag ? text === 'true' : text;
    Object.defineProperty(values, name, { value, enumerable: true });
  }
  if (schema !== undefined) check(schema, values, path => `?${path.slice(1)}`);
  return values;
}

function check(schema: TObject, value: unknown, place: (path: string) => string): void {
  const much = tooMuch(schema as unknown as Part, value, '');
  if (much !== null) throw refused(place, [much]);
  let checker = compiled.get(schema);
  if (checker === undefined) {
    checker = Compile(schema);
    compiled.set(schema, checker);
  }
  if (checker.Check(value)) return;
  throw refused(
    place,
    checker.Errors(value).flatMap(error => issuesOf(schema, error)),
  );
}

interface Issue {
  readonly path: string;
  readonly message: string;
}

function refused(place: (path: string) => string, issues: readonly Issue[]): ReplydError {
  const errors: Issue[] = [];
  for (const issue of issues) {
    const path = place(issue.path.slice(0, 200));
    if (!errors.some(each => each.path === path)) errors.push({ path, message: issue.message });
    if (errors.length === MAX_ISSUES) break;
  }
  const first = errors[0] ?? { path: place(''), message: 'It is not as the description says' };
  return new ReplydError('invalid', `${first.path}: ${first.message}.`, { details: { errors } });
}

/**
 * The first list that is too long, or object with far too many fields. The library looks at each of a hundred thousand
 * before it says so, and at each again for its message: that takes a second.
 */
function tooMuch(schema: Part, value: unknown, path: string): Issue | null {
  if (Array.isArray(value)) {
    const { maxItems = Number.POSITIVE_INFINITY, items } = schema;
    if (value.length > maxItems) return { path, message: `It must not have more than ${maxItems} items` };
    return items === undefined ? null : firstOf(value, (each, at) => tooMuch(items, each, `${path}/${at}`));
  }
  if (typeof value !== 'object' || value === null || schema.additionalProperties !== false) return null;
  const names = Object.keys(value);
  if (names.length > Object.keys(schema.properties).length + MAX_ISSUES) {
    const name = names.find(each => !Object.hasOwn(schema.properties, each))!;
    return { path: `${path}/${name}`, message: fieldsOf(schema) };
  }
  return firstOf(names, name => {
    const part = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    return part === undefined ? null : tooMuch(part, (value as Record<string, unknown>)[name], `${path}/${name}`);
  });
}

function firstOf<One>(all: readonly One[], find: (one: One, at: number) => Issue | null): Issue | null {
  for (const [at, one] of all.entries()) {
    const found = find(one, at);
    if (found !== null) return found;
  }
  return null;
}

function fieldsOf({ properties }: Part): string {
  return `There is no such field here, only ${Object.keys(properties).join(', ')}`;
}

/** What the library says of an object is said of each field that it is about. */
function issuesOf(schema: TObject, error: TLocalizedValidationError): readonly Issue[] {
  const path = error.instancePath;
  switch (error.keyword) {
    // Said once more by `additionalProperties`, which knows the names.
    case 'boolean':
      return [];
    case 'additionalProperties': {
      const message = fieldsOf(partOf(schema, error.schemaPath));
      return error.params.additionalProperties.map(name => ({ path: `${path}/${name}`, message }));
    }
    case 'required': {
      const { properties } = partOf(schema, error.schemaPath);
      return error.params.requiredProperties.map(name => ({
        path: `${path}/${name}`,
        message: `Is required: ${expected(properties[name]!)}`,
      }));
    }
    case 'format':
      return [{ path, message: 'Expected a time (RFC 3339), such as 2026-01-31T12:00:00Z' }];
    case 'enum':
      return [{ path, message: `Expected one of ${error.params.allowedValues.join(', ')}` }];
    default:
      return [{ path, message: `It ${error.message}` }];
  }
}

function expected(schema: Part): string {
  return schema.enum === undefined ? (schema.type ?? 'it has no default') : `one of ${schema.enum.join(', ')}`;
}

interface Part {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly properties: Readonly<Record<string, Part>>;
  readonly additionalProperties?: unknown;
  readonly items?: Part;
  readonly maxItems?: number;
}

/** `#/properties/cc/items`: the part of the schema that an error is about. */
function partOf(schema: TObject, schemaPath: string): Part {
  const names = schemaPath.split('/').slice(1);
  return names.reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], schema) as Part;
}
