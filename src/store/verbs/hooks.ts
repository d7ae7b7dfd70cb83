/**
 * Hooks: where an account's events are posted. A webhook is a row of the one delivery table, made in the transaction of
 * its event; its order key is hook and conversation, so that a receiver hears a conversation in its order.
 *
 * A hook that is off gets nothing new, and what waited for it is cancelled. Without hooks an event costs one look-up.
 */

import { ReplydError } from '../../base/errors.js';
import type { Hook } from '../../conversation/model.js';
import type { HookParcel } from '../../conversation/ports.js';
import { encodeId, keyOf } from '../ids.js';
import type { DeliveryRow } from '../rows.js';
import { newKey, type Session, toIso } from '../session.js';
import { eventJson } from '../views/events.js';
import { slugOf } from '../views/views.js';
import { accountBySlug } from './accounts.js';
import { tellAccount } from './events.js';
import { forgetAnswers } from './keys.js';

interface HookRow {
  key: number;
  account_key: number;
  url: string;
  secret: string;
  old_secret: string | null;
  old_until: number | null;
  state: 'on' | 'off';
  reason: string | null;
  failing_since: number | null;
  created_at: number;
}

export interface HookOperations {
  addHook(hook: { account: string; url: string }): { hook: Hook; secret: string };
  hooks(filter: { account?: string }): readonly Hook[];
  hook(id: string): Hook;
  hookSecrets(id: string): readonly string[];
  rotateHook(id: string): { hook: Hook; secret: string };
  enableHook(id: string): Hook;
  disableHook(id: string, reason: string): Hook;
  /** A bounded piece of a removal; true when the hook is gone. */
  removeHookPart(id: string): boolean;
  pendingHooks(): readonly string[];
}

const SECRET_BYTES = 32;
const OLD_SECRET_LIFE = 24 * 60 * 60_000;
const MAX_URL = 2000;
/** Rows a transaction may change before it lets others in. */
const BATCH = 500;

export function hookOperations(session: Session): HookOperations {
  const { db } = session;
  return {
    addHook(wanted) {
      const account = accountBySlug(session, wanted.account);
      const row = db.get<HookRow>(
        `insert into hook (key, account_key, url, secret, created_at)
         values (max(?, (select coalesce(max(key), 0) + 1 from hook)), ?, ?, ?, ?) returning *`,
        newKey(session),
        account.key,
        checkedUrl(wanted.url),
        newSecret(session),
        session.clock(),
      )!;
      return { hook: hookView(session, row), secret: row.secret };
    },

    hooks(filter) {
      const account = filter.account === undefined ? null : accountBySlug(session, filter.account).key;
      return db
        .all<HookRow>('select * from hook where ?1 is null or account_key = ?1 order by key desc', account)
        .map(row => hookView(session, row));
    },

    hook: id => hookView(session, hookRow(session, id)),

    hookSecrets: id => secretsOf(session, hookRow(session, id)),

    rotateHook(id) {
      const row = hookRow(session, id);
      const secret = newSecret(session);
      db.run(
        'update hook set old_secret = secret, old_until = ?, secret = ? where key = ?',
        session.clock() + OLD_SECRET_LIFE,
        secret,
        row.key,
      );
      return { hook: hookView(session, hookRow(session, id)), secret };
    },

    enableHook(id) {
      const row = hookRow(session, id);
      db.run("update hook set state = 'on', reason = null, failing_since = null where key = ?", row.key);
      db.run(
        `update destination set paused = null, reason = null, next_probe_at = null, failures = 0
         where name = ? and paused = 'trouble'`,
        id,
      );
      return hookView(session, hookRow(session, id));
    },

    disableHook(id, reason) {
      const row = hookRow(session, id);
      if (row.state === 'on') {
        db.run("update hook set state = 'off', reason = ? where key = ?", reason, row.key);
        tellAccount(session, row.account_key, { type: 'hook.disabled', data: { hook_id: id, url: row.url, reason } });
      }
      // One statement: it has stopped growing, and nothing of it is read again.
      db.run(
        `update delivery set state = 'cancelled', reason = null, next_attempt_at = null, settled_at = ?
         where destination = ? and state in ('waiting', 'leased', 'deferred')`,
        session.clock(),
        id,
      );
      return hookView(session, hookRow(session, id));
    },

    removeHookPart(id) {
      const row = hookRow(session, id);
      db.run("update hook set state = 'off' where key = ?", row.key);
      const removed = db.run(
        `delete from delivery where key in (
           select key from delivery where destination = ? and state in ('waiting', 'leased', 'deferred') limit ?)`,
        id,
        BATCH,
      );
      if (removed === BATCH || forgetAnswers(session, id)) return false;
      db.run('delete from destination where name = ?', id);
      db.run('delete from hook where key = ?', row.key);
      return true;
    },

    pendingHooks: () =>
      // Jumps along the index from one name to the next, however much waits under each.
      db
        .all<{ name: string }>(
          `with recursive pending (name) as (
             select min(destination) from delivery
             where destination >= 'hook_' and destination < 'hook\`' and state in ('waiting', 'leased', 'deferred')
             union all
             select (select min(destination) from delivery
                     where destination > pending.name and destination < 'hook\`'
                       and state in ('waiting', 'leased', 'deferred'))
             from pending where pending.name is not null)
           select name from pending where name is not null`,
        )
        .map(row => row.name),
  };
}

/** The parcel of a leased webhook, or null when its hook or event is gone. */
export function hookParcel(session: Session, row: DeliveryRow): HookParcel | null {
  const hook = session.db.get<HookRow>('select * from hook where key = ?', keyOf('hook', row.destination));
  const event = row.event_key === null ? null : eventJson(session, row.event_key);
  if (!hook || event === null) return null;
  return {
    kind: 'webhook',
    deliveryId: encodeId('delivery', row.key),
    attempt: row.attempts,
    url: hook.url,
    eventId: encodeId('event', row.event_key!),
    body: event,
    secrets: secretsOf(session, hook),
  };
}

/** The hook's destination changed: since when is it failing? */
export function noteHookTrouble(session: Session, name: string, reason: string | null, inTrouble: boolean): void {
  if (!name.startsWith('hook_')) return;
  const key = keyOf('hook', name);
  if (inTrouble) {
    session.db.run(
      "update hook set failing_since = coalesce(failing_since, ?), reason = ? where key = ? and state = 'on'",
      session.clock(),
      reason,
      key,
    );
  } else {
    session.db.run("update hook set failing_since = null, reason = null where key = ? and state = 'on'", key);
  }
}

function hookRow(session: Session, id: string): HookRow {
  const row = session.db.get<HookRow>('select * from hook where key = ?', keyOf('hook', id));
  if (!row) throw new ReplydError('hook_not_found', `there is no hook ${id}`);
  return row;
}

function hookView(session: Session, row: HookRow): Hook {
  const id = encodeId('hook', row.key);
  const probe = session.db.value<number | null>('select next_probe_at from destination where name = ?', id) ?? null;
  return {
    id,
    account: slugOf(session, row.account_key),
    url: row.url,
    state: row.state,
    reason: row.reason,
    failing_since: toIso(row.failing_since),
    next_probe_at: toIso(probe),
    created_at: toIso(row.created_at),
  };
}

function secretsOf(session: Session, row: HookRow): readonly string[] {
  const old = row.old_secret !== null && row.old_until! > session.clock() ? [row.old_secret] : [];
  return [row.secret, ...old];
}

function newSecret(session: Session): string {
  return `whsec_${Buffer.from(session.random(SECRET_BYTES)).toString('base64')}`;
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
