/** The keys, in a list. */
import { helpShown } from '../state/help.js';
import { words } from '../state/preferences.js';
import { Dialog } from './dialog.js';

const KEYS = ['j', 'k', 'Enter', 'r', 'n', 'e', '/', 'Esc', '?', 'Ctrl Enter'] as const;

export function Help() {
  const w = words.value;
  if (!helpShown.value) return null;
  return (
    <Dialog
      title={w.keys}
      onClose={() => {
        helpShown.value = false;
      }}
    >
      <dl class="keys">
        {KEYS.map(key => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{w.keyNames[key]}</dd>
          </div>
        ))}
      </dl>
      <p class="hint">{w.keysWhere}</p>
    </Dialog>
  );
}
