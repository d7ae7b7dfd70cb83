/** Whether mails leave at all, and for whoever may: pausing and resuming that. It is one queue for all accounts. */
import { useEffect, useState } from 'preact/hooks';
import { ask, type Fault, isFault } from '../api.js';
import { act } from '../parts/act.js';
import { Confirm } from '../parts/dialog.js';
import { Trouble } from '../parts/trouble.js';
import { When } from '../parts/when.js';
import { words } from '../state/preferences.js';
import { me } from '../state/session.js';

interface Queue {
  /** Null: mails may leave. */
  readonly paused: 'operator' | 'trouble' | null;
  readonly reason: string | null;
  readonly next_probe_at: string | null;
  /** Whether he may pause and resume it. */
  readonly can_change: boolean;
}

const PLACE = '/v1/queue';

/** `onChange`: what waits may have changed with it. */
export function QueueHead({ onChange }: { readonly onChange: () => void }) {
  const w = words.value;
  const [queue, setQueue] = useState<Queue | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const [isAsking, setAsking] = useState(false);
  const read = (signal?: AbortSignal) =>
    ask<Queue>('GET', PLACE, signal === undefined ? {} : { signal }).then(
      found => {
        setQueue(found);
        setFault(null);
      },
      error => {
        if (signal?.aborted) return;
        if (!isFault(error)) throw error;
        setFault(error);
      },
    );
  useEffect(() => {
    const leaving = new AbortController();
    void read(leaving.signal);
    return () => leaving.abort();
  }, []);
  const change = (body: { readonly paused: boolean; readonly reason?: string }) =>
    act(async () => {
      setQueue(await ask<Queue>('PATCH', PLACE, { body }));
      onChange();
    });
  if (fault) return <Trouble fault={fault} onAgain={() => void read()} />;
  if (queue === null) return null;
  return (
    <div class="card">
      <p class="card-title">
        <span class={`badge${queue.paused === null ? '' : ' bad'}`}>{w.queuePaused[queue.paused ?? 'no']}</span>
      </p>
      {queue.reason !== null && <p dir="auto">{queue.reason}</p>}
      {queue.next_probe_at !== null && (
        <p class="hint">
          {w.nextAttempt} <When at={queue.next_probe_at} />
        </p>
      )}
      {queue.can_change ? (
        <div class="buttons">
          {queue.paused !== null && (
            <button type="button" class="primary" onClick={() => change({ paused: false })}>
              {w.resumeQueue}
            </button>
          )}
          {queue.paused !== 'operator' && (
            <button type="button" onClick={() => setAsking(true)}>
              {w.pauseQueue}
            </button>
          )}
        </div>
      ) : (
        queue.paused !== null && <p class="hint">{w.queueOfOperator}</p>
      )}
      {isAsking && (
        <Confirm
          title={w.pauseQueue}
          text={w.pauseQueueWhat}
          yes={w.pauseQueue}
          onYes={() => change({ paused: true, reason: w.pausedBy(me.value?.name ?? '') })}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}
