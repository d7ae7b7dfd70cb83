/**
 * What stands in the answer's field, kept as a draft, and sending it. A message that came while it was being written holds
 * it up once: the writer looks at what is new and decides.
 */
import { useRef, useState } from 'preact/hooks';
import type { Conversation, Message } from '../../../conversation/model.js';
import { type Fault, isFault } from '../api.js';
import { type Draft, dropDraft, keepDraft, readDraft } from '../state/drafts.js';
import { messages, readAgain, takeMessage } from '../state/opened.js';
import { words } from '../state/preferences.js';
import { speak } from '../state/told.js';
import { send } from './sending.js';

export interface Answer {
  readonly draft: Draft;
  readonly files: readonly File[];
  /** The part that is on its way, 0 to 1; null: nothing is being sent. */
  readonly sending: number | null;
  readonly fault: Fault | null;
  /** What came since it was begun. */
  readonly newer: readonly Message[];
  /** Sending was held up by it. */
  readonly heldUp: boolean;
  change(change: Partial<Draft>): void;
  setFiles(files: readonly File[]): void;
  send(options?: { readonly anyway: boolean }): Promise<void>;
  /** He has read what is new, and goes on. */
  goOn(): void;
}

const EMPTY: Draft = { kind: 'answer', text: '', cc: '', now: false, afterSeq: null };

export function useAnswer({ id }: Conversation): Answer {
  const [draft, setDraft] = useState(() => readDraft(id) ?? EMPTY);
  const [files, setFiles] = useState<readonly File[]>([]);
  const [sending, setSending] = useState<number | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [heldUp, holdUp] = useState(false);
  const attempt = useRef<string | null>(null);

  const lastSeq = () => messages.peek().at(-1)?.seq ?? 0;
  const put = (next: Draft) => {
    attempt.current = null;
    setDraft(next);
    keepDraft(id, next);
  };
  const { afterSeq } = draft;
  const newer =
    draft.kind === 'note' || afterSeq === null
      ? []
      : messages.value.filter(each => each.seq > afterSeq && each.direction !== 'note');

  async function sendIt(chosen: Draft): Promise<void> {
    if (sending !== null) return;
    attempt.current ??= crypto.randomUUID();
    setSending(0);
    setFault(null);
    try {
      const idempotencyKey = attempt.current;
      const message = await send({ conversation: id, draft: chosen, files, idempotencyKey, onProgress: setSending });
      takeMessage(message);
      dropDraft(id);
      setDraft({ ...EMPTY, kind: chosen.kind });
      setFiles([]);
      holdUp(false);
      attempt.current = null;
      speak(chosen.kind === 'note' ? words.value.noteAdded : words.value.answerSent);
    } catch (error) {
      if (!isFault(error)) throw error;
      // Whether it was done is known: what is sent next is something else.
      if (error.kind === 'refused') attempt.current = null;
      if (error.problem.code === 'conversation_moved') {
        await readAgain();
        holdUp(true);
      } else setFault(error);
    } finally {
      setSending(null);
    }
  }

  return {
    draft,
    files,
    sending,
    fault,
    newer,
    heldUp: heldUp && newer.length > 0,
    change(change) {
      const next = { ...draft, ...change };
      const isBegun = draft.text.trim() === '' && next.text.trim() !== '';
      const isGone = next.text.trim() === '';
      put({ ...next, afterSeq: isGone ? null : isBegun ? lastSeq() : next.afterSeq });
      setFault(null);
    },
    setFiles(next) {
      attempt.current = null;
      setFiles(next);
      setFault(null);
    },
    async send({ anyway } = { anyway: false }) {
      const known = anyway || draft.afterSeq === null ? { ...draft, afterSeq: lastSeq() } : draft;
      if (known !== draft) put(known);
      await sendIt(known);
    },
    goOn() {
      put({ ...draft, afterSeq: lastSeq() });
      holdUp(false);
    },
  };
}
