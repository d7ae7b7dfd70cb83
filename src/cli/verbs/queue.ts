/** `replyd queue …`: deliveries, and whether the queue is paused. */
import type { Command } from 'commander';
import type { QueuedDelivery } from '../../conversation/model.js';
import { pauseQueue, type QueueState, queueState, resumeQueue } from '../../conversation/queue-state.js';
import type { Store } from '../../conversation/store.js';
import { DELIVERY_STATES } from '../../conversation/vocabulary.js';
import { hintWithoutDaemon } from '../context.js';
import { usageError } from '../errors.js';
import { oneOf } from '../readers.js';
import { answerOf, deliveryState, deliveryView, timeText } from '../terminal/render.js';
import { table } from '../terminal/table.js';
import { warn } from '../terminal/terminal.js';
import { defineListVerb, defineStoreVerb, option, type StoreCall } from '../verb.js';

const RETRYABLE = ['waiting', 'deferred', 'failed'] as const;

export function defineQueue(group: Command): void {
  defineListVerb(group.command('list'), {
    does: 'list deliveries, the newest first',
    examples: [
      'queue list',
      'queue list --state failed --json',
      'queue list --account acme --limit 10',
      'queue list --hook hook_04x0g2k9c7d --state deferred',
    ],
    more: `States: ${DELIVERY_STATES.join(', ')}.`,
    options: [
      option('--state <state>', 'in this state', oneOf('state', DELIVERY_STATES)),
      option('--account <slug>', 'of this account'),
      option('--hook <id>', 'to this hook'),
    ],
    async before({ store, loaded }) {
      const paused = pausedText(await queueState(store));
      if (paused !== null) warn(paused);
      else await hintWithoutDaemon(loaded);
    },
    rows: (store, filter: Parameters<Store['deliveries']>[0]) => store.deliveries(filter),
    view: deliveryTable,
  });

  defineStoreVerb(group.command('show <id>'), {
    does: 'show a delivery',
    examples: ['queue show dlv_04x0g2k9c7d', 'queue show dlv_04x0g2k9c7d --json'],
    run: ({ store }, id) => store.delivery(id),
    view: deliveryView,
  });

  defineStoreVerb(group.command('retry [id]'), {
    does: 'try deliveries now that wait, were put off or have failed',
    examples: ['queue retry dlv_04x0g2k9c7d', 'queue retry --state failed'],
    options: [
      option(
        '--state <state>',
        `all in this state: ${RETRYABLE.join(', ')}`,
        oneOf('state that can be retried', RETRYABLE),
      ),
    ],
    async run({ store, options: { state } }: StoreCall<{ state?: (typeof RETRYABLE)[number] }>, id?: string) {
      if (id !== undefined && state === undefined) return store.retryDelivery(id);
      if (id === undefined && state !== undefined) return { state, retried: await store.retryDeliveries(state) };
      throw usageError('give a delivery or --state, one of both');
    },
    view: result =>
      'retried' in result
        ? `${result.retried} ${result.state} ${result.retried === 1 ? 'delivery' : 'deliveries'} due now`
        : deliveryView(result),
  });

  defineStoreVerb(group.command('cancel <id>'), {
    does: 'give a delivery up',
    examples: ['queue cancel dlv_04x0g2k9c7d'],
    run: ({ store }, id) => store.cancelDelivery(id),
    view: deliveryView,
  });

  defineStoreVerb(group.command('pause'), {
    does: 'let no mail leave until `queue resume`',
    examples: ['queue pause', 'queue pause --reason "smarthost moves tonight"'],
    options: [option('--reason <text>', 'shown by `queue list` and doctor')],
    run: ({ store, options }: StoreCall<{ reason?: string }>) => pauseQueue(store, options.reason ?? null),
    view: stateView,
  });

  defineStoreVerb(group.command('resume'), {
    does: 'let mails leave again, also after trouble with the smarthost',
    examples: ['queue resume'],
    run: ({ store }) => resumeQueue(store),
    view: stateView,
  });
}

/** What keeps the smarthost's mails from leaving, in words; null when nothing does. */
export function pausedText({ paused, reason: why, next_probe_at: next }: QueueState): string | null {
  const reason = why === null ? '' : `: ${why}`;
  if (paused === 'operator') return `the queue is paused${reason}; \`queue resume\` goes on`;
  if (paused === null) return null;
  return `trouble with the smarthost, nothing leaves${reason}${next === null ? '' : `; next try ${timeText(next)}`}`;
}

function stateView(state: QueueState): string {
  return pausedText(state) ?? 'mails may leave';
}

function deliveryTable(deliveries: readonly QueuedDelivery[]): string {
  return table(
    deliveries,
    [
      { title: 'id', of: delivery => delivery.id },
      { title: 'state', of: delivery => delivery.report ?? deliveryState(delivery) },
      { title: 'tries', of: delivery => delivery.attempts || null, align: 'right' },
      { title: 'next', of: delivery => (delivery.next_attempt_at ? timeText(delivery.next_attempt_at) : null) },
      { title: 'recipient', of: delivery => delivery.recipient, shrinks: true, whole: true },
      { title: 'account', of: delivery => delivery.account, shrinks: true, whole: true },
    ],
    { note: delivery => (delivery.state === 'sent' && delivery.report === null ? null : answerOf(delivery)) },
  );
}
