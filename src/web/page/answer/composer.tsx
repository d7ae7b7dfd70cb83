/** Where one answers, or notes something for the team; the two look different, so that nobody takes one for the other. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Conversation } from '../../../conversation/model.js';
import { AnswerReaders } from '../conversation/cc.js';
import { Trouble } from '../parts/trouble.js';
import { wanted } from '../state/composing.js';
import { words } from '../state/preferences.js';
import { addFiles, ChosenFiles, hasTooMuch, PickFiles } from './files.js';
import { Moved } from './moved.js';
import { Preview } from './preview.js';
import { type Answer, useAnswer } from './use-answer.js';

export function Composer({ conversation }: { readonly conversation: Conversation }) {
  const w = words.value;
  const answer = useAnswer(conversation);
  const field = useRef<HTMLTextAreaElement>(null);
  const [isPreview, showPreview] = useState(false);
  const { draft, sending } = answer;
  const isNote = draft.kind === 'note';
  const kindWanted = wanted.value;
  // Before the next key comes: what is typed right behind `r` belongs in the field.
  useLayoutEffect(() => {
    if (kindWanted === null) return;
    if (isPreview) return showPreview(false);
    wanted.value = null;
    answer.change({ kind: kindWanted });
    field.current?.focus();
  }, [kindWanted, isPreview]);
  // The field grows with its words, up to what the style sheet lets it.
  useEffect(() => {
    if (!field.current) return;
    field.current.rows = Math.min(14, Math.max(2, draft.text.split('\n').length + Math.floor(draft.text.length / 90)));
  }, [draft.text, isPreview]);
  const hasContent = draft.text.trim() !== '' || answer.files.length > 0;
  const canSend = sending === null && hasContent && !hasTooMuch(answer);
  return (
    <form
      class={`composer ${isNote ? 'is-note' : 'is-answer'}`}
      aria-label={isNote ? w.writeNote : w.writeAnswer}
      onSubmit={event => {
        event.preventDefault();
        if (canSend) void answer.send();
      }}
      onDragOver={event => event.preventDefault()}
      onDrop={event => {
        event.preventDefault();
        addFiles(answer, event.dataTransfer?.files);
      }}
    >
      <Moved answer={answer} onGone={() => field.current?.focus()} />
      <div class="composer-top">
        <fieldset class="switch">
          <legend class="visually-hidden">{w.answerOrNote}</legend>
          {(['answer', 'note'] as const).map(kind => (
            <button
              key={kind}
              type="button"
              aria-pressed={draft.kind === kind}
              onClick={() => {
                answer.change({ kind });
                field.current?.focus();
              }}
            >
              {kind === 'answer' ? w.answer : w.note}
            </button>
          ))}
        </fieldset>
        {isNote ? <p class="only-team">{w.onlyTeamSees}</p> : <Cc answer={answer} />}
      </div>
      {!isNote && <AnswerReaders conversation={conversation} />}
      {isPreview ? (
        <Preview markdown={draft.text} />
      ) : (
        <textarea
          ref={field}
          class="words-field"
          dir="auto"
          rows={2}
          maxLength={256 * 1024}
          aria-label={isNote ? w.writeNote : w.writeAnswer}
          placeholder={isNote ? w.noteHint : w.answerHint}
          value={draft.text}
          readOnly={sending !== null}
          onInput={event => answer.change({ text: event.currentTarget.value })}
          onPaste={event => addFiles(answer, event.clipboardData?.files)}
          onKeyDown={event => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && canSend) {
              event.preventDefault();
              void answer.send();
            }
          }}
        />
      )}
      <ChosenFiles answer={answer} />
      {answer.fault && <Trouble fault={answer.fault} />}
      <div class="composer-bottom">
        <PickFiles answer={answer} />
        <button
          type="button"
          class="quiet"
          aria-pressed={isPreview}
          disabled={draft.text.trim() === ''}
          onClick={() => showPreview(!isPreview)}
        >
          {isPreview ? w.write : w.preview}
        </button>
        <span class="grow" />
        {!isNote && conversation.channel !== 'email' && <WhenMailed answer={answer} />}
        <button type="submit" class="primary" aria-disabled={!canSend}>
          {sending !== null ? w.sending : isNote ? w.addNote : w.send}
        </button>
      </div>
    </form>
  );
}

function Cc({ answer }: { readonly answer: Answer }) {
  const w = words.value;
  const [isOpen, setOpen] = useState(false);
  if (!isOpen && answer.draft.cc === '') {
    return (
      <button type="button" class="quiet" onClick={() => setOpen(true)}>
        {w.cc}
      </button>
    );
  }
  return (
    <label class="cc">
      <span>{w.cc}</span>
      <input
        type="text"
        inputMode="email"
        autocomplete="off"
        spellcheck={false}
        maxLength={2000}
        placeholder={w.ccHint}
        value={answer.draft.cc}
        onInput={event => answer.change({ cc: event.currentTarget.value })}
      />
    </label>
  );
}

function WhenMailed({ answer }: { readonly answer: Answer }) {
  const w = words.value;
  return (
    <label class="when-mailed">
      <span aria-hidden="true">{w.mailIt}</span>
      <select
        aria-label={w.whenMailed}
        value={answer.draft.now ? 'now' : 'auto'}
        onChange={event => answer.change({ now: event.currentTarget.value === 'now' })}
      >
        <option value="auto">{w.mailAuto}</option>
        <option value="now">{w.mailNow}</option>
      </select>
    </label>
  );
}
