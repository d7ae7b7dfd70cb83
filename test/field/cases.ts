/**
 * Mails of the field: `test/field/KNN-name/` with `mail.eml` (placeholders in double braces), `expect.json` and `why.txt`
 * (what is right, and where the kind was seen). Each is a fault that users of help desks or mail libraries reported in
 * public, rebuilt in our own words. The number names the kind; a rule mends kinds, not mails.
 *
 * Unlike the corpus they go through the whole program: they come by SMTP into a conversation that was answered before.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

export interface FieldCase {
  readonly name: string;
  readonly mail: Buffer;
  readonly why: string;
  /** Known to be read wrongly still. */
  readonly open?: boolean;
  /** To which of our addresses it goes: the contact's reply address, the forwarding address, our envelope sender. */
  readonly mode: 'reply' | 'inbox' | 'bounce';
  /** The envelope sender; absent: the contact. */
  readonly from?: string;
  /** What the customer said in the channel, and what we answered by mail. */
  readonly first: string;
  readonly answer: string;
  readonly right: Right;
}

/** What is right. `text` apart from white space, `date` by its beginning; absent: not looked at. */
export interface Right {
  readonly kind?: string;
  readonly text?: string;
  readonly text_has?: readonly string[];
  readonly text_has_not?: readonly string[];
  readonly html_has?: string;
  readonly files?: readonly string[];
  readonly has_files?: readonly string[];
  readonly file_count?: number;
  readonly writer?: string;
  readonly writer_name?: string;
  readonly date?: string;
  /** What the delivery of our answer is told. */
  readonly report?: string;
  /** Whether it stands in the conversation of before. */
  readonly threaded?: boolean;
}

/** All cases in the order of their names. */
export function fieldCases(): readonly FieldCase[] {
  const folder = path.resolve('test/field');
  const names = readdirSync(folder).filter(name => statSync(path.join(folder, name)).isDirectory());
  return names.sort().map(name => {
    const file = (entry: string) => readFileSync(path.join(folder, name, entry));
    return {
      first: 'My order is incomplete.',
      answer: 'It is in Ghent.',
      ...(JSON.parse(file('expect.json').toString()) as Pick<FieldCase, 'mode' | 'right'>),
      name,
      mail: file('mail.eml'),
      why: file('why.txt').toString().trim(),
    };
  });
}
