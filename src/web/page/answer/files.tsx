/** Files that go with an answer: picked or dropped, with their sizes, and how far they have come. */
import { sizeOf } from '../dates.js';
import { Icon } from '../parts/icon.js';
import { words } from '../state/preferences.js';
import type { Answer } from './use-answer.js';

export const MAX_FILES = 50;
/** What most mail servers take, before it is encoded. The server's own limit is said by its answer. */
const USUAL = 18_000_000;

export function addFiles(answer: Answer, list: FileList | null | undefined): void {
  if (!list || list.length === 0) return;
  answer.setFiles([...answer.files, ...list].slice(0, MAX_FILES));
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
  const all = answer.files.reduce((sum, file) => sum + file.size, 0);
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
      {answer.sending === null ? (
        <p class="file-size">
          {answer.files.length > 1 && w.together(sizeOf(all))} {all > USUAL && w.maybeTooLarge}
        </p>
      ) : (
        <progress max={1} value={answer.sending} aria-label={w.sending} />
      )}
    </div>
  );
}
