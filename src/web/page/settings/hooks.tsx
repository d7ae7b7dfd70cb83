/** Where the account's events are posted, and how that goes. */
import { useState } from 'preact/hooks';
import type { Hook, QueuedDelivery } from '../../../conversation/model.js';
import { ask } from '../api.js';
import { act } from '../parts/act.js';
import { Confirm } from '../parts/dialog.js';
import { Trouble } from '../parts/trouble.js';
import { When } from '../parts/when.js';
import { words } from '../state/preferences.js';
import { pathOf } from '../state/route.js';
import { account } from '../state/session.js';
import { notify } from '../state/told.js';
import { Once } from './once.js';
import { useList } from './use-list.js';

type MadeHook = Hook & { readonly secret?: string };

export function HooksPart() {
  const w = words.value;
  const slug = account.value;
  const hooks = useList<Hook>('/v1/hooks', { account: slug });
  const [secret, show] = useState<string | null>(null);
  const add = (form: HTMLFormElement) =>
    act(async () => {
      const url = new FormData(form).get('url');
      const made = await ask<MadeHook>('POST', '/v1/hooks', { body: { account: slug, url } });
      form.reset();
      show(made.secret ?? null);
      hooks.again();
    });
  return (
    <section aria-labelledby="hooks-heading">
      <h2 id="hooks-heading">{w.settingsParts.hooks}</h2>
      <p class="hint">{w.hooksWhat}</p>
      {hooks.fault && <Trouble fault={hooks.fault} onAgain={hooks.again} />}
      <ul class="cards">
        {hooks.rows?.map(hook => (
          <HookCard key={hook.id} hook={hook} onChange={hooks.again} onSecret={show} />
        ))}
      </ul>
      {hooks.rows?.length === 0 && <p class="empty">{w.noHooks}</p>}
      <form
        class="card line"
        onSubmit={event => {
          event.preventDefault();
          void add(event.currentTarget);
        }}
      >
        <label>
          <span>{w.hookUrl}</span>
          <input name="url" type="url" required maxLength={2000} placeholder="https://…" />
        </label>
        <button type="submit" class="primary">
          {w.add}
        </button>
      </form>
      {secret !== null && <Once title={w.hookSecret} text={w.shownOnce} secret={secret} onClose={() => show(null)} />}
    </section>
  );
}

interface HookCardProps {
  readonly hook: Hook;
  readonly onChange: () => void;
  readonly onSecret: (secret: string | null) => void;
}

function HookCard({ hook, onChange, onSecret }: HookCardProps) {
  const w = words.value;
  const [isRemoving, setRemoving] = useState(false);
  const place = `/v1/hooks/${hook.id}`;
  const test = () =>
    act(async () => {
      const { ok, response } = await ask<{ ok: boolean; response: string }>('POST', `${place}/test`);
      notify(ok ? 'good' : 'bad', `${ok ? w.hookWorks : w.hookFails}: ${response}`);
      onChange();
    });
  const rotate = () => act(async () => onSecret((await ask<MadeHook>('POST', `${place}/rotate`)).secret ?? null));
  return (
    <li class="card">
      <p class="card-title">
        <span class={`badge${hook.state === 'on' ? '' : ' bad'}`}>{w.hookStates[hook.state]}</span> {hook.url}
      </p>
      {hook.reason !== null && <p class="bad">{hook.reason}</p>}
      {hook.failing_since !== null && (
        <p class="hint">
          {w.failingSince} <When at={hook.failing_since} />
          {hook.next_probe_at !== null && (
            <>
              , {w.nextAttempt} <When at={hook.next_probe_at} />
            </>
          )}
        </p>
      )}
      <Failures hook={hook} />
      <div class="buttons">
        <button type="button" onClick={test}>
          {w.test}
        </button>
        <button type="button" onClick={rotate}>
          {w.newSecret}
        </button>
        <button type="button" onClick={() => setRemoving(true)}>
          {w.remove}
        </button>
      </div>
      {isRemoving && (
        <Confirm
          title={w.remove}
          text={w.removeHook(hook.url)}
          yes={w.remove}
          onYes={() => act(() => ask('DELETE', place).then(onChange))}
          onClose={() => setRemoving(false)}
        />
      )}
    </li>
  );
}

/** Of each state. */
const SHOWN_FAILURES = 20;

/** What the receiver did not take lately. It is read when it is looked at, and at once where a hook is in trouble. */
function Failures({ hook }: { readonly hook: Hook }) {
  const [isOpen, setOpen] = useState(hook.failing_since !== null || hook.state === 'off');
  return (
    <details class="fold" open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{words.value.hookFailures}</summary>
      {isOpen && <FailureList hook={hook} />}
    </details>
  );
}

function FailureList({ hook }: { readonly hook: Hook }) {
  const w = words.value;
  const query = { account: hook.account, hook: hook.id, limit: SHOWN_FAILURES };
  const lists = [
    useList<QueuedDelivery>('/v1/deliveries', { ...query, state: 'deferred' }),
    useList<QueuedDelivery>('/v1/deliveries', { ...query, state: 'failed' }),
  ];
  const broken = lists.find(each => each.fault !== null);
  if (broken?.fault) return <Trouble fault={broken.fault} onAgain={broken.again} />;
  if (lists.some(each => each.rows === null)) return <p class="hint">{w.loading}</p>;
  // Ids are in the order of time.
  const failures = lists.flatMap(each => each.rows ?? []).sort((a, b) => (a.id < b.id ? 1 : -1));
  if (failures.length === 0) return <p class="empty">{w.noFailures}</p>;
  return (
    <ul class="plain">
      {failures.slice(0, SHOWN_FAILURES).map(each => (
        <li key={each.id}>
          <When at={each.created_at} /> · {w.queueStates[each.state === 'failed' ? 'failed' : 'deferred']} ·{' '}
          {w.attempts(each.attempts)}
          {each.conversation_id !== null && (
            <>
              {' '}
              · <a href={pathOf({ kind: 'conversation', id: each.conversation_id })}>{w.conversation}</a>
            </>
          )}
          {each.last_error !== null && (
            <span class="bad" dir="auto">
              {' '}
              {each.last_error}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
