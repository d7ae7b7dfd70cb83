import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const PAGE = 'web/page/';

// A file imports its own folder and lower floors; rooms of one floor never import each other.
const FLOORS: readonly (readonly string[])[] = [
  ['base'],
  ['mail'],
  ['conversation'],
  ['store', 'parsing', 'verifying', 'ingress', 'outbound', 'api', 'web'],
  ['config'],
  ['daemon.ts'],
  ['cli'],
];

function sources(folder: string): string[] {
  return files(folder).filter(name => name.endsWith('.ts') && !name.startsWith(PAGE));
}

/** What runs in the browser. */
function pageSources(): string[] {
  return files('src').filter(name => name.startsWith(PAGE) && /\.(?:tsx?|css)$/.test(name));
}

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
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

function linesOfCode(text: string): number {
  return text
    .replaceAll(/^\s*\/\*(?:(?!\*\/).)*\*\/\s*$/gms, '')
    .split('\n')
    .filter(line => !/^\s*(?:\/\/|$)/.test(line)).length;
}

test('every source file stands on a floor', () => {
  assert.deepEqual(
    sources('src').filter(file => floorOf(file) === -1),
    [],
  );
});

test('no source file has more than 350 lines of code', () => {
  const long = [...sources('src'), ...pageSources()].flatMap(file => {
    const lines = linesOfCode(readFileSync(path.join('src', file), 'utf8'));
    return lines > 350 ? [`${file}: ${lines}`] : [];
  });
  assert.deepEqual(long, []);
});

test('a line of code is neither blank nor a comment', () => {
  const text = [
    '/** Head',
    ' * of it. */',
    '',
    "import './a.js'; // why",
    '  // why',
    '/* one */',
    'const b = 1;',
    '\t',
  ];
  assert.equal(linesOfCode(text.join('\n')), 2);
});

test('a file imports its own room and lower floors only', () => {
  const wrong = sources('src').flatMap(file =>
    importsOf(file)
      .filter(target => !(roomOf(target) === roomOf(file) || floorOf(target) < floorOf(file)))
      .map(target => `${file} imports ${target}`),
  );
  assert.deepEqual(wrong, []);
});

test('what runs in the browser imports its own files, Preact, and of the model only types', () => {
  assert.ok(pageSources().length > 30);
  for (const file of pageSources()) {
    const text = readFileSync(path.join('src', file), 'utf8');
    const imports = [...text.matchAll(/^(?:import '|(?:import|export) [^;]*? from ')([^']+)';$/gm)];
    for (const [whole, target] of imports) {
      const inner = target!.startsWith('.') ? path.posix.join(path.posix.dirname(file), target!) : target!;
      const isOwn = inner.startsWith(PAGE) || /^(?:preact|preact\/hooks|@preact\/signals)$/.test(inner);
      const isType = inner === 'conversation/model.js' && whole!.startsWith('import type ');
      assert.ok(isOwn || isType, `${file}: ${whole}`);
    }
  }
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
