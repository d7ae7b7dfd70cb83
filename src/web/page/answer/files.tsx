/** Files that go with an answer: picked or dropped, with their sizes, and how far they have come. */
import { sizeOf } from '../dates.js';
import { Icon } from '../parts/icon.js';
import { words } from '../state/preferences.js';
import { me } from '../state/session.js';
import type { Answer } from './use-answer.js';

export const MAX_FILES = 50;
/** What most mail servers take, before it is encoded. */
const USUAL = 18_000_000;

export function addFiles(answer: Answer, list: FileList | null | undefined): void {
  if (!list || list.length === 0) return;
  answer.setFiles([...answer.files, ...list].slice(0, MAX_FILES));
}

export function sizeOfFiles({ files }: Pick<Answer, 'files'>): number {
  return files.reduce((sum, file) => sum + file.size, 0);
}

/** Bytes of files that one such message can carry; the server refuses more. */
function mostOf({ draft }: Pick<Answer, 'draft'>): number {
  const limits = me.value?.limits;
  return (draft.kind === 'note' ? limits?.note_attachments : limits?.answer_attachments) ?? Number.POSITIVE_INFINITY;
}

/** It would be refused, so it is not begun to be sent. */
export function hasTooMuch(answer: Pick<Answer, 'draft' | 'files'>): boolean {
  return sizeOfFiles(answer) > mostOf(answer);
}

export function PickFiles({ answer }: { readonly answer: Answer }) {
  const w = words.value;
  return (
    <label class="quiet pick">
      <Icon name="clip" />
      <span class="visually-hidden">{w.attach}</span>
      <input
        type="file"
        multiple
        title={w.attach}
        disabled={answer.sending !== null}
        onChange={({ currentTarget }) => {
          addFiles(answer, currentTarget.files);
          currentTarget.value = '';
        }}
      />
    </label>
  );
}

export function ChosenFiles({ answer }: { readonly answer: Answer }) {
  const w = words.value;
  if (answer.files.length === 0) return null;
  const all = sizeOfFiles(answer);
  return (
    <div class="chosen">
      <ul class="files" aria-label={w.attachments}>
        {answer.files.map((file, at) => (
          <li key={`${at} ${file.name}`} class="file">
            <Icon name="file" />
            <span class="file-name" dir="auto">
              {file.name}
            </span>
            <span class="file-size">{sizeOf(file.size)}</span>
            <button
              type="button"
              class="quiet"
              aria-label={w.removeFile(file.name)}
              disabled={answer.sending !== null}
              onClick={() => answer.setFiles(answer.files.toSpliced(at, 1))}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      {answer.sending !== null ? (
        <Sending part={answer.sending} />
      ) : hasTooMuch(answer) ? (
        <p class="bad" role="alert">
          {w.tooLarge(sizeOf(all), sizeOf(mostOf(answer)))}
        </p>
      ) : (
        <p class="file-size">
          {answer.files.length > 1 && w.together(sizeOf(all))} {all > USUAL && w.maybeTooLarge}
        </p>
      )}
    </div>
  );
}

/** When all has gone out, the server still has to store it: how long is not known. */
function Sending({ part }: { readonly part: number }) {
  const w = words.value;
  return (
    <p class="file-size">
      {part < 1 ? w.sendingPart(Math.floor(100 * part)) : w.storing}
      <progress max={1} aria-label={w.sending} {...(part < 1 ? { value: part } : {})} />
    </p>
  );
}
