/** The open conversation: head, messages, answer. */
import { useEffect } from 'preact/hooks';
import { Composer } from '../answer/composer.js';
import { nameOf } from '../parts/person.js';
import { Trouble } from '../parts/trouble.js';
import { contactShown } from '../state/contact-shown.js';
import { close, open, opened, readAgain } from '../state/opened.js';
import { words } from '../state/preferences.js';
import { isMoved } from '../state/route.js';
import { ContactPane } from './contact-pane.js';
import { Head } from './head.js';
import { Thread } from './thread.js';

export function ConversationPane({ id, message }: { readonly id: string; readonly message: string | null }) {
  const w = words.value;
  useEffect(() => {
    void open(id);
    return () => {
      contactShown.value = false;
      close();
    };
  }, [id]);
  const shown = opened.value;
  const heading = shown.kind === 'shown' ? 'conversation-heading' : undefined;
  useEffect(() => {
    if (shown.kind !== 'shown') return;
    document.title = `${shown.conversation.subject || nameOf(shown.conversation.contact)} · replyd`;
    // Whoever came by the list reads on here, not at the top of the page.
    if (isMoved.value && !document.activeElement?.closest('.conversation-pane')) {
      document.getElementById('conversation-heading')?.focus({ preventScroll: true });
    }
    return () => {
      document.title = 'replyd';
    };
  }, [shown.kind, id]);
  if (shown.kind === 'shown' && shown.id === id) {
    return (
      <>
        <section class="conversation-pane" aria-labelledby={heading}>
          <Head conversation={shown.conversation} />
          <Thread id={id} message={message} key={id} />
          <Composer key={`answer ${id}`} conversation={shown.conversation} />
        </section>
        <ContactPane conversation={shown.conversation} />
      </>
    );
  }
  return (
    <section class="conversation-pane" aria-label={w.conversation}>
      {shown.kind === 'missing' && (
        <div class="empty">
          <p class="empty-title">{w.noConversation}</p>
          <a href="/">{w.back}</a>
        </div>
      )}
      {shown.kind === 'failed' && <Trouble fault={shown.fault} onAgain={() => void readAgain()} />}
      {shown.kind === 'loading' && <p class="loading late">{w.loading}</p>}
    </section>
  );
}
