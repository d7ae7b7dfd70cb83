/** `replyd queue …`: deliveries, and whether the queue is paused. */
import type { Command } from 'commander';
import type { DeliveryState, QueuedDelivery } from '../../conversation/model.js';
import type { DestinationState } from '../../conversation/ports.js';
import type { Store } from '../../conversation/store.js';
import { hintWithoutDaemon, withStore } from '../context.js';
import { usageError } from '../errors.js';
import { list } from '../terminal/listing.js';
import { deliveryState, deliveryView, timeText } from '../terminal/render.js';
import { table } from '../terminal/table.js';
import { print, printJson, warn } from '../terminal/terminal.js';
import { addVerb, given, jsonOption, limitOption, oneOf } from '../verb.js';

const STATES: readonly DeliveryState[] = ['waiting', 'leased', 'sent', 'deferred', 'failed', 'cancelled'];
const RETRYABLE: readonly DeliveryState[] = ['waiting', 'deferred', 'failed'];
const SMARTHOST = 'smarthost';

interface Json {
  readonly json?: true;
}

export function defineQueue(group: Command): void {
  addVerb(group, 'list', {
    does: 'list deliveries, the newest first',
    examples: ['queue list', 'queue list --state failed --json', 'queue list --account acme --limit 10'],
    more: `States: ${STATES.join(', ')}.`,
  })
    .option('--state <state>', 'in this state')
    .option('--account <slug>', 'of this account')
    .addOption(limitOption())
    .addOption(jsonOption())
    .action(async (options: Json & { state?: string; account?: string; limit: number }, command: Command) => {
      const filter = given({ state: oneOf('state', STATES, options.state), account: options.account });
      await withStore(command, async ({ store, loaded }) => {
        const paused = pausedText(await store.destination(SMARTHOST));
        if (paused !== null) warn(paused);
        else await hintWithoutDaemon(loaded.config.dataDir);
        await list(options, page => store.deliveries({ ...filter, ...page }), deliveryTable);
      });
    });

  addVerb(group, 'show <id>', {
    does: 'show a delivery',
    examples: ['queue show dlv_04x0g2k9c7d', 'queue show dlv_04x0g2k9c7d --json'],
  })
    .addOption(jsonOption())
    .action(async (id: string, options: Json, command: Command) => {
      showDelivery(await withStore(command, ({ store }) => store.delivery(id)), options);
    });

  addVerb(group, 'retry [id]', {
    does: 'try deliveries now that wait, were put off or have failed',
    examples: ['queue retry dlv_04x0g2k9c7d', 'queue retry --state failed'],
  })
    .option('--state <state>', `all in this state: ${RETRYABLE.join(', ')}`)
    .addOption(jsonOption())
    .action(async (id: string | undefined, options: Json & { state?: string }, command: Command) => {
      if ((id === undefined) === (options.state === undefined))
        throw usageError('give a delivery or --state, one of both');
      const which =
        id === undefined ? { state: oneOf('state that can be retried', RETRYABLE, options.state!) } : { id };
      const changed = await withStore(command, ({ store }) => store.retryDeliveries(which));
      if (options.json) changed.forEach(printJson);
      else if (changed.length === 0) warn('nothing to retry');
      else print(deliveryTable(changed));
    });

  addVerb(group, 'cancel <id>', { does: 'give a delivery up', examples: ['queue cancel dlv_04x0g2k9c7d'] })
    .addOption(jsonOption())
    .action(async (id: string, options: Json, command: Command) => {
      showDelivery(await withStore(command, ({ store }) => store.cancelDelivery(id)), options);
    });

  addVerb(group, 'pause', {
    does: 'let no mail leave until `queue resume`',
    examples: ['queue pause', 'queue pause --reason "smarthost moves tonight"'],
  })
    .option('--reason <text>', 'shown by `queue list` and doctor')
    .addOption(jsonOption())
    .action(async (options: Json & { reason?: string }, command: Command) => {
      const state = { paused: 'operator', reason: options.reason ?? null, nextProbeAt: null } as const;
      showDestination(await withStore(command, ({ store }) => changeDestination(store, state)), options);
    });

  addVerb(group, 'resume', {
    does: 'let mails leave again, also after trouble with the smarthost',
    examples: ['queue resume'],
  })
    .addOption(jsonOption())
    .action(async (options: Json, command: Command) => {
      const state = { paused: null, reason: null, nextProbeAt: null, failures: 0 } as const;
      showDestination(await withStore(command, ({ store }) => changeDestination(store, state)), options);
    });
}

/** What keeps the smarthost's mails from leaving, in words; null when nothing does. */
export function pausedText(state: DestinationState): string | null {
  const reason = state.reason === null ? '' : `: ${state.reason}`;
  if (state.paused === 'operator') return `the queue is paused${reason}; \`queue resume\` goes on`;
  if (state.paused === null) return null;
  const probe = state.nextProbeAt === null ? '' : `; next try ${timeText(new Date(state.nextProbeAt).toISOString())}`;
  return `trouble with the smarthost, nothing leaves${reason}${probe}`;
}

async function changeDestination(store: Store, change: Partial<DestinationState>): Promise<DestinationState> {
  await store.setDestination({ ...(await store.destination(SMARTHOST)), ...change }, 'operator');
  return store.destination(SMARTHOST);
}

function showDestination(state: DestinationState, options: Json): void {
  if (options.json) {
    const next = state.nextProbeAt === null ? null : new Date(state.nextProbeAt).toISOString();
    printJson({
      name: state.name,
      paused: state.paused,
      reason: state.reason,
      next_probe_at: next,
      failures: state.failures,
    });
  } else {
    print(pausedText(state) ?? 'mails may leave');
  }
}

function deliveryTable(deliveries: readonly QueuedDelivery[]): string {
  return table(
    deliveries,
    [
      { title: 'id', of: delivery => delivery.id },
      { title: 'state', of: deliveryStateShort },
      { title: 'tries', of: delivery => delivery.attempts, align: 'right' },
      { title: 'next', of: delivery => (delivery.next_attempt_at ? timeText(delivery.next_attempt_at) : null) },
      { title: 'recipient', of: delivery => delivery.recipient, shrinks: true },
      { title: 'account', of: delivery => delivery.account, shrinks: true },
    ],
    { note: delivery => (delivery.state === 'sent' ? null : delivery.last_error) },
  );
}

function deliveryStateShort(delivery: QueuedDelivery): string {
  return delivery.report === null ? deliveryState(delivery) : delivery.report;
}

function showDelivery(delivery: QueuedDelivery, options: Json): void {
  if (options.json) printJson(delivery);
  else print(deliveryView(delivery));
}
