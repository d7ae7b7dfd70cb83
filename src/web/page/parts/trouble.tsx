/** What went wrong, in words: the server's where it refused, ours where it could not be reached. */
import type { Fault } from '../api.js';
import { words } from '../state/preferences.js';

export function troubleText(fault: Fault): string {
  const w = words.value;
  switch (fault.kind) {
    case 'offline':
      return w.noConnection;
    case 'signed_out':
      return w.signedOut;
    case 'trouble':
      return w.serverTrouble;
    case 'refused':
      return fault.status === 429 ? w.slowDown(fault.retryAfter) : fault.problem.detail;
  }
}

export function Trouble({ fault, onAgain }: { readonly fault: Fault; readonly onAgain?: () => void }) {
  return (
    <div class="trouble" role="alert">
      <p>{troubleText(fault)}</p>
      {onAgain && (
        <button type="button" onClick={onAgain}>
          {words.value.tryAgain}
        </button>
      )}
    </div>
  );
}
