/**
 * The new rows of one transaction. They are collected over all its calls and go out together: those of a table that have
 * the same columns in a few statements, whatever the number of calls. Nobody waits for them; what comes of them is known
 * before the commit, as a fault ends the transaction.
 *
 * They go before any statement that could see one of them or refer to one, and when they are many bytes. A table's rows go
 * behind those of the tables that they refer to, and rows with the same columns in the order in which they came.
 */
import type { Connection } from './connection.js';

/** Tables whose rows are collected, each behind those that it refers to. Rows of other tables go at once. */
export const COLLECTED: Readonly<Record<string, readonly string[]>> = {
  contact: [],
  conversation: ['contact'],
  participant: ['contact', 'conversation'],
  token: ['participant'],
  blob: [],
  mail: ['blob'],
  message: ['conversation', 'mail'],
  thread_id: [],
  attachment: ['blob', 'message'],
  outgoing_mail: ['blob', 'conversation'],
  delivery: ['conversation', 'mail', 'outgoing_mail'],
  delivery_message: ['delivery', 'message'],
};

const TABLES = Object.keys(COLLECTED);
/** Rows of one statement: so few that there are few statements to plan, and each is planned once. */
const SIZES = [32, 16, 8, 4, 2, 1];
/** Of the rows that wait. */
const MOST_BYTES = 1024 * 1024;

/** Rows of one table with the same columns. */
interface Alike {
  readonly table: string;
  readonly columns: readonly string[];
  /** A row with the same primary key stays as it is. */
  readonly kept: boolean;
  /** Statements, by how many rows they have. */
  readonly texts: Map<number, string>;
}

const known = new Map<string, Alike>();

function alike(table: string, columns: readonly string[], kept: boolean): Alike {
  const name = `${table} ${kept ? 1 : 0} ${columns.join()}`;
  let found = known.get(name);
  if (found === undefined) {
    found = { table, columns, kept, texts: new Map() };
    known.set(name, found);
  }
  return found;
}

function insertText({ table, columns, kept, texts }: Alike, count: number): string {
  let text = texts.get(count);
  if (text === undefined) {
    let place = 0;
    const rows = Array.from({ length: count }, () => `(${columns.map(() => `$${++place}`).join(', ')})`);
    text = `insert into ${table} (${columns.join(', ')}) values ${rows.join(', ')}${kept ? ' on conflict do nothing' : ''}`;
    texts.set(count, text);
  }
  return text;
}

const needs = new Map<string, ReadonlySet<string> | 'all'>();

/**
 * The tables whose rows a statement could see or refer to. One that changes a row may refer to the tables that its own does;
 * one that removes rows takes others along.
 */
export function tablesNeeded(text: string): ReadonlySet<string> | 'all' {
  let found = needs.get(text);
  if (found === undefined) {
    const words = new Set(text.match(/\w+/g));
    const named = TABLES.filter(table => words.has(table));
    if (/^\s*select\b/.test(text)) found = new Set(named);
    else if (/^\s*update\b/.test(text)) found = new Set([...named, ...named.flatMap(table => COLLECTED[table]!)]);
    else found = 'all';
    needs.set(text, found);
  }
  return found;
}

export interface NewRows {
  /** Its fault is the transaction's. `kept`: a row with the same primary key stays as it is. */
  add(table: string, row: object, kept: boolean): void;
  /** The same at once. How many rows came. */
  addNow(table: string, row: object, kept: boolean): Promise<number>;
  /** To be called before a statement is sent. */
  before(text: string): void;
  /** All that wait go out. */
  send(): void;
}

export function newRows(connection: Connection): NewRows {
  const waiting = new Map<string, Map<Alike, (readonly unknown[])[]>>();
  let bytes = 0;
  const send = () => {
    if (waiting.size === 0) return;
    const groups = TABLES.flatMap(table => [...(waiting.get(table) ?? [])]);
    waiting.clear();
    bytes = 0;
    for (const [rowsAlike, rows] of groups) {
      let at = 0;
      for (const size of SIZES) {
        for (; rows.length - at >= size; at += size) {
          const values = size === 1 ? rows[at]! : rows.slice(at, at + size).flat();
          connection.query(insertText(rowsAlike, size), values).catch(() => undefined);
        }
      }
    }
  };
  const addNow = async (table: string, row: object, kept: boolean) => {
    send();
    return (await connection.query(insertText(alike(table, Object.keys(row), kept), 1), Object.values(row))).count;
  };
  return {
    addNow,
    add(table, row, kept) {
      if (!Object.hasOwn(COLLECTED, table)) {
        addNow(table, row, kept).catch(() => undefined);
        return;
      }
      const rowsAlike = alike(table, Object.keys(row), kept);
      const values = Object.values(row);
      const groups = waiting.get(table) ?? new Map<Alike, (readonly unknown[])[]>();
      waiting.set(table, groups);
      const rows = groups.get(rowsAlike);
      if (rows === undefined) groups.set(rowsAlike, [values]);
      else rows.push(values);
      for (const value of values) bytes += sizeOf(value);
      if (bytes > MOST_BYTES) send();
    },
    before(text) {
      if (waiting.size === 0) return;
      const needed = tablesNeeded(text);
      if (needed === 'all') send();
      else for (const table of needed) if (waiting.has(table)) return send();
    },
    send,
  };
}

function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  return value instanceof Uint8Array ? value.length : 8;
}
