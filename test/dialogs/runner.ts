/**
 * Dialogues with the door as text files. A line of a file is one of
 *   # why            a comment
 *   ! name value     a setting of the door (numbers and JSON are read as such), before the first C: or S:
 *   C: line          the client sends the line and CRLF
 *   C| bytes         the client sends these bytes as they are; \r \n \t \\ \xHH, and \(N)x repeats x N times
 *   S: line          the server says exactly this line; * stands for any text
 *   E:               the server ends the connection
 *   R:               the client resets the connection and makes a new one
 * Everything the server says must be expected: a line too many fails at the next S: or E:.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import type { SmtpOptions } from '#replyd/ingress/smtp/smtp.js';
import { type OpenDoor, openDoor } from '../ingress/open-door.js';
import type { SmtpTalk } from '../interop/smtp-talk.js';

interface Step {
  readonly number: number;
  readonly kind: string;
  readonly text: string;
}

/** Plays the dialogue against a door of its own and gives the door back, for looks behind it. */
export async function playDialog(t: TestContext, file: string): Promise<OpenDoor> {
  const { settings, steps } = readDialog(file);
  const open = await openDoor(t, settings);
  let talk = await open.connect();
  let said: string[] = [];
  for (const { number, kind, text } of steps) {
    const where = `${file}:${number}`;
    if (kind === 'S:') {
      if (said.length === 0) said = (await reply(talk, where)).split('\n');
      const line = said.shift()!;
      assert.ok(matches(line, text), `${where}\nexpected ${text}\nreceived ${line}\n${talk.transcript}`);
      continue;
    }
    assert.deepEqual(said, [], `${where}: these lines of the server were not expected`);
    if (kind === 'C:') talk.send(text);
    else if (kind === 'C|') talk.sendBytes(bytesOf(text));
    else if (kind === 'E:') assert.deepEqual(await talk.untilEnd(), [], `${where}: more before the end`);
    else if (kind === 'R:') {
      talk.reset();
      talk = await open.connect();
    } else throw new Error(`${where}: not understood: ${kind}`);
  }
  assert.deepEqual(said, [], `${file}: these lines of the server were not expected`);
  return open;
}

function readDialog(file: string): { settings: Partial<SmtpOptions>; steps: Step[] } {
  const settings: Record<string, unknown> = {};
  const steps: Step[] = [];
  readFileSync(file, 'utf8')
    .split('\n')
    .forEach((line, index) => {
      if (line.trim() === '' || line.startsWith('#')) return;
      const kind = line.slice(0, 2);
      const text = line.slice(3);
      if (kind === '! ') {
        const [name = '', ...value] = line.slice(2).split(' ');
        settings[name] = parsed(value.join(' '));
      } else steps.push({ number: index + 1, kind, text });
    });
  return { settings: settings as Partial<SmtpOptions>, steps };
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

async function reply(talk: SmtpTalk, where: string): Promise<string> {
  try {
    return (await talk.reply()).raw;
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function matches(line: string, pattern: string): boolean {
  const parts = pattern.split('*').map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(line);
}

function bytesOf(text: string): Buffer {
  const plain = text.replaceAll(/\\\((\d+)\)(.)/g, (_all, count: string, char: string) => char.repeat(Number(count)));
  const named: Record<string, string> = { r: '\r', n: '\n', t: '\t', '\\': '\\' };
  const decoded = plain.replaceAll(/\\(?:x([0-9a-f]{2})|([rnt\\]))/gi, (_all, hex?: string, name?: string) =>
    hex === undefined ? named[name!]! : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(decoded, 'latin1');
}
