/** How an answer will look in the mail. */
import { useEffect, useState } from 'preact/hooks';
import { type Fault, isFault } from '../api.js';
import { htmlOf, knownHtml, MailHtml } from '../parts/mail-html.js';
import { Trouble } from '../parts/trouble.js';
import { words } from '../state/preferences.js';

export function Preview({ markdown }: { readonly markdown: string }) {
  const [html, setHtml] = useState(() => knownHtml(markdown));
  const [fault, setFault] = useState<Fault | null>(null);
  useEffect(() => {
    const leaving = new AbortController();
    htmlOf(markdown, leaving.signal).then(setHtml, error => {
      if (leaving.signal.aborted) return;
      if (!isFault(error)) throw error;
      setFault(error);
    });
    return () => leaving.abort();
  }, [markdown]);
  if (fault) return <Trouble fault={fault} />;
  return (
    <section class="preview" aria-label={words.value.preview} aria-busy={html === null}>
      {html !== null && <MailHtml html={html} />}
    </section>
  );
}
