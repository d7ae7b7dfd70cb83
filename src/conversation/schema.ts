/** What the shapes of model.ts and the checks of src/api are made with, beside TypeBox itself. */
import { type Static, type TSchema, Type } from 'typebox';

/** The type of a schema; everything in it is read-only. */
export type Shape<Schema extends TSchema> = Frozen<Static<Schema>>;
type Frozen<Value> = Value extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : Value extends object
    ? { readonly [Name in keyof Value]: Frozen<Value[Name]> }
    : Value;

/** One of these words. */
export function words<const List extends readonly string[]>(list: List, more: { readonly description?: string } = {}) {
  return Type.Unsafe<List[number]>({ type: 'string', enum: list, ...more });
}

/** RFC 3339. */
export function time(description?: string) {
  return Type.String({ format: 'date-time', ...(description === undefined ? {} : { description }) });
}

export function orNull<Schema extends TSchema>(schema: Schema) {
  return Type.Union([schema, Type.Null()]);
}
