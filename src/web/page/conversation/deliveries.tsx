/** What became of an answer: whether its mail waits and why, was sent, is late, or came back and why. */
import type { Delivery, Message } from '../../../conversation/model.js';
import { Icon } from '../parts/icon.js';
import { When } from '../parts/when.js';
import { words } from '../state/preferences.js';

export function Deliveries({ message }: { readonly message: Message }) {
  if (message.direction !== 'outgoing' || message.held) return null;
  const { deliveries } = message;
  if (deliveries.length === 0) return <NotMailed message={message} />;
  return (
    <ul class="deliveries">
      {deliveries.map(each => (
        <li key={each.id} class={`delivery ${toneOf(each)}`}>
          <Icon name={toneOf(each) === 'bad' ? 'warning' : toneOf(each) === 'good' ? 'check' : 'more'} />
          <span>
            {stateText(each)}
            {deliveries.length > 1 && <span dir="auto"> · {each.recipient}</span>}
            {each.state === 'deferred' && each.next_attempt_at !== null && (
              <>
                {' '}
                · {words.value.nextAttempt} <When at={each.next_attempt_at} />
              </>
            )}
          </span>
          {detailOf(each) && (
            <span class="delivery-why" dir="auto">
              {detailOf(each)}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function NotMailed({ message }: { readonly message: Message }) {
  const { state, reason } = message.mail;
  if (reason === null && state !== 'not_mailed') return null;
  return (
    <p class="deliveries delivery">
      <Icon name="more" />
      <span>{reason === null ? words.value.notMailed : words.value.mailReasons[reason]}</span>
    </p>
  );
}

export function toneOf({ state, report }: Delivery): 'good' | 'bad' | 'open' {
  if (report === 'bounced' || state === 'failed') return 'bad';
  if (report === 'delayed') return 'open';
  return state === 'sent' ? 'good' : 'open';
}

function stateText({ state, reason, report }: Delivery): string {
  const w = words.value;
  if (report !== null) return w.reports[report];
  if (state === 'waiting' && reason !== null) return w.waiting[reason];
  return w.deliveryStates[state];
}

/** In the words of whoever said it. */
function detailOf({ state, reason, report, last_error, smtp_response }: Delivery): string | null {
  if (report === 'bounced' || report === 'delayed') return last_error;
  if (state === 'failed' || state === 'deferred' || reason === 'paused') return last_error ?? smtp_response;
  return null;
}
