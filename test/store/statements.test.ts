/** What verbs and views say to the database is understood by SQLite and PostgreSQL, and is waited for. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const FOLDERS = ['verbs', 'views', 'blobs'];
const FILES = [
  ...FOLDERS.flatMap(folder => readdirSync(`src/store/${folder}`).map(name => path.join('src/store', folder, name))),
  ...['stream', 'all', 'core', 'tx', 'upkeep/retention', 'upkeep/clear-files'].map(name => `src/store/${name}.ts`),
];
/** They ask the database without a transaction. */
const UPKEEP = ['backup', 'check', 'restore'].map(name => `src/store/upkeep/${name}.ts`);

/** Words and forms of one engine, each with what is said instead. */
const ONE_ENGINE: readonly (readonly [form: RegExp, instead: string])[] = [
  [/\bpragma\b/, 'store/sqlite'],
  [/\browid\b/, 'key'],
  [/\bjson_\w+\(/, 'JSON is read and written here'],
  [/\binsert or\b|\breplace into\b/, 'on conflict'],
  [/\bindexed by\b/, 'an index that the planner takes'],
  [/\b(?:max|min)\([^()]*(?:\([^()]*\))?[^()]*,/, 'case … end'],
  [/\bis not (?!null\b|distinct\b)/, 'is distinct from'],
  [/(?:=|<|>|\(|, )\s*\?(?:\d|\s*(?:[,)`'"]|and\b))/, '$1'],
  [/\$\d+ is (?:not )?null/, 'only the terms that are asked for (allOf)'],
  [/\bmax\(key\)/, 'tx.key()'],
  [/\bas [a-z]+[A-Z]/, 'names in lower case'],
  [/(?<!\bcast\((?:coalesce\()?)\bsum\(/, 'cast(sum(…) as bigint)'],
  [/\bdo update set (?:.*, )?(\w+) = \1\b/s, 'the table in front of its column'],
  [/\blike '/, 'substr(…) ='],
  [/\bstate in \('waiting', 'leased', 'deferred'\)/, 'UNFINISHED'],
];

/** The string and template literals of a file that are statements, or pieces of one. */
function statementsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8').replaceAll(/\/\*.*?\*\/|^\s*\/\/.*$/gms, '');
  const literals = text.match(/`(?:[^`\\]|\\.)*`|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/gs) ?? [];
  return literals.filter(each =>
    /\b(?:select|insert into|update|delete from|where|order by|is null|state in)\b/.test(each),
  );
}

test('no statement is of one engine only', () => {
  const wrong = [...FILES, ...UPKEEP].flatMap(file =>
    statementsOf(file).flatMap(text =>
      ONE_ENGINE.filter(([form]) => form.test(text)).map(([, instead]) => `${file}: ${instead}: ${text.slice(0, 120)}`),
    ),
  );
  assert.deepEqual(wrong, []);
  const { length } = FILES.flatMap(statementsOf);
  assert.ok(length > 100, `${length} statements`);
});

test('every call of a transaction is awaited', () => {
  const wrong = FILES.flatMap(file =>
    [
      ...readFileSync(file, 'utf8').matchAll(
        /(.{0,20})\btx\s*\.(?:get|value|all|run|insert|insertAll|update|lock)(?=[<(])/gs,
      ),
    ]
      .filter(match => !/(?:await|return|=>)\s*$/.test(match[1]!))
      .map(match => `${file}: ${match[0]}`),
  );
  assert.deepEqual(wrong, []);
});

test('verbs, views and what they stand on know no engine', () => {
  const imports = FILES.flatMap(file =>
    [...readFileSync(file, 'utf8').matchAll(/from '([^']*\/sqlite\/[^']*|better-sqlite3)'/g)].map(
      match => `${file}: ${match[1]}`,
    ),
  );
  assert.deepEqual(imports, []);
});
