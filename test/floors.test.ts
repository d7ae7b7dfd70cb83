import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

// A file imports its own folder and lower floors; rooms of one floor never import each other.
const FLOORS: readonly (readonly string[])[] = [
  ['base'],
  ['mail'],
  ['conversation'],
  ['store', 'parsing', 'verifying', 'ingress', 'outbound', 'api'],
  ['config'],
  ['daemon.ts'],
  ['cli'],
];

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .sort();
}

function roomOf(file: string): string {
  return file.split('/')[0]!;
}

function floorOf(file: string): number {
  return FLOORS.findIndex(rooms => rooms.includes(roomOf(file)));
}

function importsOf(file: string): string[] {
  const text = readFileSync(path.join('src', file), 'utf8');
  const found = [...text.matchAll(/(?:from\s+|import\s*\(\s*|import\s+)'(\.[^']+)'/g)].map(match => match[1]!);
  return found.map(target =>
    path.posix.normalize(path.posix.join(path.posix.dirname(file), target)).replace(/\.js$/, '.ts'),
  );
}

test('every source file stands on a floor', () => {
  assert.deepEqual(
    sources('src').filter(file => floorOf(file) === -1),
    [],
  );
});

test('a file imports its own room and lower floors only', () => {
  const wrong = sources('src').flatMap(file =>
    importsOf(file)
      .filter(target => !(roomOf(target) === roomOf(file) || floorOf(target) < floorOf(file)))
      .map(target => `${file} imports ${target}`),
  );
  assert.deepEqual(wrong, []);
});

test('rules know no store, no clock and no randomness', () => {
  const rules = sources('src').filter(file => file.startsWith('conversation/rules/'));
  assert.ok(rules.length > 5);
  for (const file of rules) {
    const wrong = importsOf(file).filter(target => !['conversation', 'mail'].includes(roomOf(target)));
    assert.deepEqual(wrong, [], file);
    const text = readFileSync(path.join('src', file), 'utf8');
    assert.doesNotMatch(text, /\bDate\.now|new Date\(\)|Math\.random|from 'node:|\bawait\b|\bsession\b/, file);
  }
});

test('no files import each other in a circle', () => {
  const targets = new Map(sources('src').map(file => [file, importsOf(file)]));
  // What imports nothing that is left, or what nothing that is left imports, is in no circle.
  for (let left = -1; left !== targets.size; ) {
    left = targets.size;
    for (const [file, found] of targets) {
      const used = [...targets].some(([other, theirs]) => other !== file && theirs.includes(file));
      if (!used || !found.some(target => targets.has(target))) targets.delete(file);
    }
  }
  assert.deepEqual([...targets.keys()], []);
});

test('each library that is kept behind a seam is imported there alone', () => {
  const owners: Record<string, readonly string[]> = {
    'smol-toml': ['config/toml.ts'],
  };
  for (const [library, files] of Object.entries(owners)) {
    // A type costs nothing at run time and ties nobody to the library's behaviour.
    const imports = new RegExp(`import\\b(?! type )[^;]*'${library}'`);
    const users = sources('src').filter(file => imports.test(readFileSync(path.join('src', file), 'utf8')));
    assert.deepEqual(users.sort(), files, library);
  }
});

test('a short verb loads no parser, no charsets, no thread, no schemas, and nothing that files mails', () => {
  const seen = new Set<string>();
  const verbs = ['account', 'contact', 'conversation', 'hook', 'key', 'message', 'queue'].map(
    verb => `cli/verbs/${verb}.ts`,
  );
  const waiting = ['cli/command-line.ts', ...verbs, 'config/load.ts', 'store/sqlite/open.ts'];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const text = readFileSync(path.join('src', file), 'utf8');
    // What is imported for its types alone, or later, is not loaded.
    for (const match of text.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';$/gms)) {
      const target = match[1]!;
      const inner = target.startsWith('.')
        ? path.posix.normalize(path.posix.join(path.posix.dirname(file), target)).replace(/\.js$/, '.ts')
        : target;
      if (target.startsWith('.')) waiting.push(inner);
      assert.ok(
        !/^(?:iconv-lite|libmime|nodemailer|better-sqlite3|smol-toml|commander|node:worker_threads|typebox|conversation\/(?:model|schema)\.ts|store\/verbs\/filing)/.test(
          inner,
        ),
        `${file} loads ${inner}`,
      );
    }
  }
  assert.ok(seen.size > 40, 'the walk found the files');
});
