/** Breaking bytes: mails and dialogues, by the same few means and each with its own snippets. */
import { pick, type Random } from './random.js';

export interface Breaking {
  /** Put in as they are (latin1), once or many times over. */
  readonly snippets: readonly string[];
  /** How often a snippet may be repeated. */
  readonly repeats: number;
  /** What is done to line ends: all made CRLF, or one of them changed. */
  readonly lineEnds: 'all' | 'one';
}

/** `count` changes, one after the other. `other`: where foreign pieces come from. */
export function mutated(
  bytes: Buffer,
  other: Buffer,
  random: Random,
  options: Breaking & { readonly count: number },
): Buffer {
  let result = bytes;
  for (let left = options.count; left > 0; left -= 1) result = mutatedOnce(result, other, random, options);
  return result;
}

function mutatedOnce(bytes: Buffer, other: Buffer, random: Random, { snippets, repeats, lineEnds }: Breaking): Buffer {
  const at = random(bytes.length + 1);
  const lines = () => bytes.toString('latin1').split('\n');
  const joined = (list: readonly string[]) => Buffer.from(list.join('\n'), 'latin1');
  const spliced = (remove: number, insert: Buffer) =>
    Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
  switch (random(9)) {
    case 0:
      return spliced(1, Buffer.from([random(256)]));
    case 1:
      return spliced(random(40), Buffer.alloc(0));
    case 2:
      return spliced(0, Buffer.from(pick(random, snippets), 'latin1'));
    case 3:
      return bytes.subarray(0, at);
    case 4: {
      const start = random(other.length + 1);
      return spliced(0, other.subarray(start, start + random(400)));
    }
    case 5: {
      const list = lines();
      return joined(list.toSpliced(random(list.length), 0, list[random(list.length)]!));
    }
    case 6: {
      const list = lines();
      return joined(list.toSpliced(random(list.length), 1));
    }
    case 7:
      return spliced(0, Buffer.from(pick(random, snippets).repeat(1 + random(repeats)), 'latin1'));
    default: {
      if (lineEnds === 'all') return Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1');
      const list = bytes.toString('latin1').split('\r\n');
      const before = list.slice(0, 1 + random(list.length));
      const behind = list.slice(before.length);
      const end = pick(random, ['', '\n', '\r', '\r\r\n', '\n\r', ' \r\n', '\0\r\n', '\r\n\r\n']);
      return Buffer.from(before.join('\r\n') + end + behind.join('\r\n'), 'latin1');
    }
  }
}
