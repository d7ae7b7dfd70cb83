/** A secret that is shown now and never again. */
import { useState } from 'preact/hooks';
import { Dialog } from '../parts/dialog.js';
import { words } from '../state/preferences.js';

export interface OnceProps {
  readonly title: string;
  readonly text: string;
  readonly secret: string;
  readonly onClose: () => void;
}

export function Once({ title, text, secret, onClose }: OnceProps) {
  const w = words.value;
  const [isCopied, setCopied] = useState(false);
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{text}</p>
      <p class="secret">
        <code>{secret}</code>
      </p>
      <form method="dialog" class="buttons">
        <button
          type="button"
          class="primary"
          onClick={() => {
            navigator.clipboard.writeText(secret).then(
              () => setCopied(true),
              // The browser does not let it: it can still be marked and copied by hand.
              () => setCopied(false),
            );
          }}
        >
          {isCopied ? w.copied : w.copy}
        </button>
        <button type="submit">{w.close}</button>
      </form>
      <p class="visually-hidden" role="status">
        {isCopied ? w.copied : ''}
      </p>
    </Dialog>
  );
}
