/** What somebody wrote: the new words, and folded below them what he quoted and his signature. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Message } from '../../../conversation/model.js';
import { isFault } from '../api.js';
import { LinkedText } from '../parts/linked-text.js';
import { htmlOf, knownHtml, MAX_MARKDOWN, MailHtml } from '../parts/mail-html.js';
import { words } from '../state/preferences.js';

/** Characters that are shown without being asked for. */
const SHOWN = 20_000;
/** Without one of these Markdown is plain text. */
const SIGNS = /[*_`~[\]<>|\\&]|^\s{0,3}(?:#|[-+=]|\d+[.)]\s|\s{4})/m;

export function Body({ message }: { readonly message: Message }) {
  const w = words.value;
  const text = message.text.trim();
  const isRich = message.format === 'markdown' && text.length <= MAX_MARKDOWN && SIGNS.test(text);
  return (
    <div class="body">
      {text === '' ? (
        <p class="nothing">{emptyText(message)}</p>
      ) : isRich ? (
        <Rich markdown={text} />
      ) : (
        <Words text={text} />
      )}
      {message.signature.trim() !== '' && (
        <details class="fold">
          <summary>{w.signature}</summary>
          <Words text={message.signature.trim()} />
        </details>
      )}
      {message.quoted_text.trim() !== '' && (
        <details class="fold">
          <summary>{w.quoted}</summary>
          <Words text={message.quoted_text.trim()} />
        </details>
      )}
    </div>
  );
}

/** As it is mailed; until that is known, and where it cannot be, as it was typed. Asked for when it comes into view. */
function Rich({ markdown }: { readonly markdown: string }) {
  const [html, setHtml] = useState(() => knownHtml(markdown));
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (html !== null || box.current === null) return;
    const leaving = new AbortController();
    const watcher = new IntersectionObserver(entries => {
      if (!entries.some(entry => entry.isIntersecting)) return;
      watcher.disconnect();
      htmlOf(markdown, leaving.signal).then(setHtml, error => {
        if (!leaving.signal.aborted && !isFault(error)) throw error;
      });
    });
    watcher.observe(box.current);
    return () => {
      watcher.disconnect();
      leaving.abort();
    };
  }, [markdown]);
  return <div ref={box}>{html === null ? <Words text={markdown} /> : <MailHtml html={html} />}</div>;
}

export function Words({ text }: { readonly text: string }) {
  if (text.length <= SHOWN) return <Paragraphs text={text} />;
  return (
    <>
      <Paragraphs text={text.slice(0, SHOWN)} />
      <details class="fold">
        <summary>{words.value.restOfText}</summary>
        <Paragraphs text={text.slice(SHOWN)} />
      </details>
    </>
  );
}

function Paragraphs({ text }: { readonly text: string }) {
  return (
    <div class="words" dir="auto">
      <LinkedText text={text} />
    </div>
  );
}

function emptyText(message: Message): string {
  const w = words.value;
  if (message.evidence.some(each => each.startsWith('unparsed'))) return w.unreadable;
  if (message.attachments.length > 0) return w.onlyAttachments;
  return message.quoted_text.trim() === '' ? w.noWords : w.onlyQuoted;
}
