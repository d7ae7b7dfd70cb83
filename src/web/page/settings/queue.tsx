/** Mails and webhook calls that are on their way or did not get there. */
import { useState } from 'preact/hooks';
import type { DeliveryState, QueuedDelivery } from '../../../conversation/model.js';
import { ask, isFault } from '../api.js';
import { act } from '../parts/act.js';
import { Trouble } from '../parts/trouble.js';
import { When } from '../parts/when.js';
import { words } from '../state/preferences.js';
import { pathOf } from '../state/route.js';
import { account } from '../state/session.js';
import { QueueHead } from './queue-head.js';
import { useList } from './use-list.js';

const STATES = ['deferred', 'failed', 'waiting'] as const satisfies readonly DeliveryState[];

export function QueuePart() {
  const w = words.value;
  const [state, setState] = useState<(typeof STATES)[number]>('deferred');
  const queue = useList<QueuedDelivery>('/v1/deliveries', { account: account.value, state, limit: 50 });
  return (
    <section aria-labelledby="queue-heading">
      <h2 id="queue-heading">{w.settingsParts.queue}</h2>
      <QueueHead onChange={queue.again} />
      <fieldset class="switch fit">
        <legend class="visually-hidden">{w.settingsParts.queue}</legend>
        {STATES.map(each => (
          <button key={each} type="button" aria-pressed={each === state} onClick={() => setState(each)}>
            {w.queueStates[each]}
          </button>
        ))}
      </fieldset>
      {queue.fault && <Trouble fault={queue.fault} onAgain={queue.again} />}
      {queue.rows?.length === 0 && <p class="empty">{w.queueEmpty}</p>}
      {state === 'failed' && queue.rows !== null && queue.rows.length > 1 && (
        <button type="button" onClick={() => act(() => retryAll(queue.rows ?? []).then(queue.again), w.allAreTried)}>
          {w.retryAll}
        </button>
      )}
      <ul class="cards">
        {queue.rows?.map(each => (
          <QueuedCard key={each.id} delivery={each} onChange={queue.again} />
        ))}
      </ul>
      {queue.hasMore && (
        <button type="button" class="more" onClick={queue.more}>
          {w.more}
        </button>
      )}
    </section>
  );
}

/** One after the other; what can't be tried again any more stays as it is. */
async function retryAll(deliveries: readonly QueuedDelivery[]): Promise<void> {
  for (const { id } of deliveries) {
    await ask('POST', `/v1/deliveries/${id}/retry`).catch(error => {
      if (!isFault(error) || error.status !== 409) throw error;
    });
  }
}

function QueuedCard({ delivery, onChange }: { readonly delivery: QueuedDelivery; readonly onChange: () => void }) {
  const w = words.value;
  const change = (how: 'retry' | 'cancel') =>
    act(() => ask('POST', `/v1/deliveries/${delivery.id}/${how}`).then(onChange));
  return (
    <li class="card">
      <p class="card-title" dir="auto">
        <span class="badge">{w.deliveryKinds[delivery.kind]}</span> {delivery.recipient}
      </p>
      <p class="hint">
        <When at={delivery.created_at} />
        {delivery.reason !== null && <> · {w.waiting[delivery.reason]}</>}
        {delivery.attempts > 0 && <> · {w.attempts(delivery.attempts)}</>}
        {delivery.next_attempt_at !== null && (
          <>
            {' '}
            · {w.nextAttempt} <When at={delivery.next_attempt_at} />
          </>
        )}
      </p>
      {delivery.last_error !== null && <p class="bad">{delivery.last_error}</p>}
      <div class="buttons">
        <button type="button" onClick={() => change('retry')}>
          {w.retryNow}
        </button>
        {delivery.state !== 'failed' && (
          <button type="button" onClick={() => change('cancel')}>
            {w.cancelDelivery}
          </button>
        )}
        {delivery.conversation_id !== null && (
          <a class="quiet" href={pathOf({ kind: 'conversation', id: delivery.conversation_id })}>
            {w.conversation}
          </a>
        )}
      </div>
    </li>
  );
}
