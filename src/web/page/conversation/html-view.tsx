/**
 * A mail's own look, for whoever asks for it: a page of its own that the server makes, with no right but that its links open
 * in another tab, in a box that it cannot leave.
 */
import { useState } from 'preact/hooks';
import type { Message } from '../../../conversation/model.js';
import { words } from '../state/preferences.js';

export function HtmlView({ message }: { readonly message: Message }) {
  const [isShown, show] = useState(false);
  const w = words.value;
  if (message.html === null) return null;
  return (
    <div class="html-view">
      <button type="button" class="link" aria-expanded={isShown} onClick={() => show(!isShown)}>
        {isShown ? w.hideHtml : w.showHtml}
      </button>
      {isShown && (
        <div class="html-box">
          <iframe
            sandbox="allow-popups allow-popups-to-escape-sandbox"
            referrerpolicy="no-referrer"
            loading="lazy"
            src={`/html/${message.id}`}
            title={w.htmlOf(message.author.name || message.author.email || '')}
          />
        </div>
      )}
    </div>
  );
}
