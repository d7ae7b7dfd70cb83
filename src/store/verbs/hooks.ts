/**
 * Hooks: where an account's events are posted. A webhook is a row of the one delivery table, made in the transaction of
 * its event; its order key is hook and conversation, so that a receiver hears a conversation in its order.
 *
 * A hook that is off gets nothing new, and what waited for it is cancelled. Without hooks an event costs one query.
 */

import { ReplydError } from '../../base/errors.js';
import type { Hook } from '../../conversation/model.js';
import type { WebhookParcel } from '../../conversation/ports.js';
import { EVENT_TYPES } from '../../conversation/vocabulary.js';
import { byId, byKey, newest } from '../by-key.js';
import { encodeId, keyOf } from '../ids.js';
import type { DeliveryRow, HookRow } from '../rows.js';
import { ALL, type StoreTx, type Terms, toIso, type Verb } from '../tx.js';
import { slugsOf } from '../views/accounts.js';
import { eventsJson } from '../views/events.js';
import { accountBySlug } from './accounts.js';
import { emitAccountEvent } from './events.js';
import { forgetAnswers } from './keys.js';
import { UNFINISHED } from './unfinished.js';

const SECRET_BYTES = 32;
const OLD_SECRET_LIFE = 24 * 60 * 60_000;
const MAX_URL = 2000;
/** Of an account: each event is a delivery for each of them. */
const MAX_HOOKS = 20;
/** Rows a transaction may change before it lets others in. */
const BATCH = 500;

export const addHook: Verb<'addHook'> = async (tx, wanted) => {
  const account = await accountBySlug(tx, wanted.account);
  const count = await tx.value<number>('select count(*) from hook where account_key = $1', account.key);
  if ((count ?? 0) >= MAX_HOOKS) {
    throw new ReplydError('too_many_hooks', `${account.slug} has ${MAX_HOOKS} hooks already: remove one first`);
  }
  const row = {
    key: tx.key(),
    account_key: account.key,
    url: checkedUrl(wanted.url),
    secret: newSecret(tx),
    types: typesOf(wanted.types ?? null),
    created_at: tx.now(),
  };
  await tx.insert('hook', row);
  return { hook: await hookView(tx, (await byKey(tx, 'hook', row.key))!), secret: row.secret };
};

export const hooks: Verb<'hooks'> = async (tx, filter) => {
  const terms: Terms = [
    filter.account === undefined ? null : ['account_key = $', (await accountBySlug(tx, filter.account)).key],
  ];
  return hookViews(tx, await newest(tx, 'hook', { terms, limit: ALL }));
};

export const hook: Verb<'hook'> = async (tx, id) => hookView(tx, await byId(tx, 'hook', id));

export const hookSecrets: Verb<'hookSecrets'> = async (tx, id) => secretsOf(tx, await byId(tx, 'hook', id));

export const setHook: Verb<'setHook'> = async (tx, id, { types }) => {
  const row = await byId(tx, 'hook', id);
  if (types !== undefined) await tx.update('hook', row.key, { types: typesOf(types) });
  return hookView(tx, await byId(tx, 'hook', id));
};

export const rotateHook: Verb<'rotateHook'> = async (tx, id) => {
  const row = await byId(tx, 'hook', id);
  const secret = newSecret(tx);
  await tx.update('hook', row.key, { secret, old_secret: row.secret, old_until: tx.now() + OLD_SECRET_LIFE });
  return { hook: await hookView(tx, await byId(tx, 'hook', id)), secret };
};

export const enableHook: Verb<'enableHook'> = async (tx, id) => {
  const row = await byId(tx, 'hook', id);
  await tx.update('hook', row.key, { state: 'on', reason: null, failing_since: null });
  await tx.run(
    `update destination set paused = null, reason = null, next_probe_at = null, failures = 0
         where name = $1 and paused = 'trouble'`,
    id,
  );
  return hookView(tx, await byId(tx, 'hook', id));
};

/** Switches it off, and ends a bounded piece of what waits for it; true when nothing is left. */
export async function disableHookPart(tx: StoreTx, id: string, reason: string): Promise<boolean> {
  const row = await byId(tx, 'hook', id);
  if (row.state === 'on') {
    await tx.update('hook', row.key, { state: 'off', reason });
    emitAccountEvent(tx, row.account_key, { type: 'hook.disabled', data: { hook_id: id, url: row.url, reason } });
  }
  const cancelled = await tx.run(
    `update delivery set state = 'cancelled', reason = null, next_attempt_at = null, settled_at = $1
         where key in (select key from delivery where destination = $2 and ${UNFINISHED} limit ${BATCH})`,
    tx.now(),
    id,
  );
  return cancelled < BATCH;
}

/** A bounded piece of a removal; true when the hook is gone. */
export async function removeHookPart(tx: StoreTx, id: string): Promise<boolean> {
  const row = await byId(tx, 'hook', id);
  await tx.update('hook', row.key, { state: 'off' });
  const removed = await tx.run(
    `delete from delivery where key in (
           select key from delivery where destination = $1 and ${UNFINISHED} limit ${BATCH})`,
    id,
  );
  if (removed === BATCH || (await forgetAnswers(tx, id))) return false;
  await tx.run('delete from destination where name = $1', id);
  await tx.run('delete from hook where key = $1', row.key);
  return true;
}

export const pendingHooks: Verb<'pendingHooks'> = async tx =>
  // Jumps along the index from one name to the next, however much waits under each.
  (
    await tx.all<{ name: string }>(
      `with recursive pending (name) as (
             select min(destination) from delivery
             where destination >= 'hook_' and destination < 'hook\`' and ${UNFINISHED}
             union all
             select (select min(destination) from delivery
                     where destination > pending.name and destination < 'hook\`'
                       and ${UNFINISHED})
             from pending where pending.name is not null)
           select name from pending where name is not null`,
    )
  ).map(row => row.name);

/** The parcels of a hook's leased webhooks; none for one whose event is gone, or when the hook is, or that is off. */
export async function hookParcels(tx: StoreTx, rows: readonly DeliveryRow[]): Promise<readonly WebhookParcel[]> {
  const hook = await byKey(tx, 'hook', keyOf('hook', rows[0]!.destination));
  if (hook?.state !== 'on') return [];
  const events = await eventsJson(
    tx,
    rows.map(row => row.event_key).filter(key => key !== null),
  );
  const secrets = secretsOf(tx, hook);
  return rows.flatMap(row => {
    const body = row.event_key === null ? undefined : events.get(row.event_key);
    if (body === undefined) return [];
    return {
      kind: 'webhook' as const,
      deliveryId: encodeId('delivery', row.key),
      lease: row.fence,
      attempt: row.attempts,
      url: hook.url,
      eventId: encodeId('event', row.event_key!),
      body,
      secrets,
    };
  });
}

/** The hook's destination changed: since when is it failing? */
export async function noteHookTrouble(
  tx: StoreTx,
  name: string,
  reason: string | null,
  inTrouble: boolean,
): Promise<void> {
  if (!name.startsWith('hook_')) return;
  const row = await byKey(tx, 'hook', keyOf('hook', name));
  if (row?.state !== 'on') return;
  const change = inTrouble
    ? { failing_since: row.failing_since ?? tx.now(), reason }
    : { failing_since: null, reason: null };
  await tx.update('hook', row.key, change);
}

async function hookView(tx: StoreTx, row: HookRow): Promise<Hook> {
  return (await hookViews(tx, [row]))[0]!;
}

async function hookViews(tx: StoreTx, rows: readonly HookRow[]): Promise<readonly Hook[]> {
  const slugs = await slugsOf(
    tx,
    rows.map(row => row.account_key),
  );
  const found = await tx.all<{ name: string; next_probe_at: number | null }>(
    'select name, next_probe_at from destination where name = any($1)',
    rows.map(row => encodeId('hook', row.key)),
  );
  const probes = new Map(found.map(({ name, next_probe_at }) => [name, next_probe_at]));
  return rows.map(row => {
    const id = encodeId('hook', row.key);
    return {
      id,
      account: slugs(row.account_key),
      url: row.url,
      types: row.types === null ? null : (JSON.parse(row.types) as Hook['types']),
      state: row.state,
      reason: row.reason,
      failing_since: toIso(row.failing_since),
      next_probe_at: toIso(probes.get(id) ?? null),
      created_at: toIso(row.created_at),
    };
  });
}

/** Each once, in the order of the list of all. */
function typesOf(types: Hook['types']): string | null {
  return types === null ? null : JSON.stringify(EVENT_TYPES.filter(type => types.includes(type)));
}

function secretsOf(tx: StoreTx, row: HookRow): readonly string[] {
  const old = row.old_secret !== null && row.old_until! > tx.now() ? [row.old_secret] : [];
  return [row.secret, ...old];
}

function newSecret(tx: StoreTx): string {
  return `whsec_${Buffer.from(tx.random(SECRET_BYTES)).toString('base64')}`;
}

function checkedUrl(text: string): string {
  const url = text.length <= MAX_URL && URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '' || url.username || url.password) {
    throw new ReplydError(
      'invalid',
      `${JSON.stringify(text.slice(0, 200))} is no address for a webhook: give http:// or https://, without a password in it`,
    );
  }
  url.hash = '';
  return url.href;
}
