/** docs/contract.md names the fields of each shape as conversation/model.ts declares them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Conversation, MailRecord, Message } from '#replyd/conversation/model.js';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** `a, b {c, d}, e[{f}], g[]` → a, b.c, b.d, e.f, g */
function namesIn(text: string, prefix = ''): string[] {
  const names: string[] = [];
  let depth = 0;
  let part = '';
  for (const character of `${text},`) {
    if ('{['.includes(character)) depth += 1;
    if ('}]'.includes(character)) depth -= 1;
    if (character !== ',' || depth > 0) {
      part += character;
      continue;
    }
    const [, name, inner] = /^\s*(\w+)[^{]*(?:\{(.*)\})?/s.exec(part)!;
    names.push(...(inner === undefined ? [`${prefix}${name}`] : namesIn(inner, `${prefix}${name}.`)));
    part = '';
  }
  return names;
}

/** What the contract spells out: the fields, and the fields within `spelled` ones. */
function namesOf(schema: Schema, spelled: ReadonlySet<string>, prefix = ''): string[] {
  return Object.entries(schema.properties!).flatMap(([name, each]) => {
    const one = each.anyOf?.[0] ?? each;
    const inner = one.items ?? one;
    const place = `${prefix}${name}`;
    return spelled.has(place) ? namesOf(inner, spelled, `${place}.`) : [place];
  });
}

test('the contract names every field, and no other', () => {
  const contract = readFileSync('docs/contract.md', 'utf8');
  for (const [title, shape] of Object.entries({ message: Message, conversation: Conversation, mail: MailRecord })) {
    const paragraph = new RegExp(`^\\*\\*${title}\\*\\*\\n(.*?)\\n\\n`, 'ms').exec(contract)![1]!;
    const written = [...paragraph.matchAll(/`([^`]*)`/g)].map(match => match[1]!).join('');
    const names = namesIn(written);
    const spelled = new Set(names.filter(name => name.includes('.')).map(name => name.slice(0, name.lastIndexOf('.'))));
    assert.deepEqual(names.sort(), namesOf(shape as Schema, spelled).sort(), title);
  }
});
