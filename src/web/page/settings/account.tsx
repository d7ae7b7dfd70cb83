/** How the account writes its mails, and whose mail it refuses. */
import { useEffect, useState } from 'preact/hooks';
import type { Account } from '../../../conversation/model.js';
import { ask, type Fault, isFault } from '../api.js';
import { act } from '../parts/act.js';
import { Trouble } from '../parts/trouble.js';
import { words } from '../state/preferences.js';
import { account } from '../state/session.js';

const MINUTE = 60_000;

export function AccountPart() {
  const w = words.value;
  const slug = account.value;
  const [shown, show] = useState<Account | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const place = `/v1/accounts/${slug}`;
  useEffect(() => {
    ask<Account>('GET', place).then(show, error => {
      if (!isFault(error)) throw error;
      setFault(error);
    });
  }, [place]);
  if (fault) return <Trouble fault={fault} />;
  if (shown === null) return <p class="loading late">{w.loading}</p>;
  const { settings } = shown;
  const save = (form: HTMLFormElement) =>
    act(async () => {
      const fields = Object.fromEntries(new FormData(form)) as Record<string, string>;
      const { name = '', delay = '', intro = '', footer = '', subject_template = '', blocked = '' } = fields;
      const { history = '', cc_policy } = fields;
      const entries = blocked.split(/\s+/).filter(word => word !== '');
      const change = {
        ...(delay === '' ? {} : { delay: Math.round(Number(delay) * MINUTE) }),
        ...(history === '' ? {} : { history: Number(history) }),
        ...{ cc_policy, intro, footer, subject_template, blocked: entries },
      };
      show(await ask<Account>('PATCH', place, { body: { name, settings: change } }));
    }, w.saved);
  return (
    <section aria-labelledby="account-heading">
      <h2 id="account-heading">{w.settingsParts.account}</h2>
      <form
        key={shown.id}
        class="card fields"
        onSubmit={event => {
          event.preventDefault();
          void save(event.currentTarget);
        }}
      >
        <label>
          <span>{w.name}</span>
          <input name="name" required maxLength={255} defaultValue={shown.name} />
        </label>
        <label>
          <span>{w.mailAfter}</span>
          <input
            name="delay"
            type="number"
            min={0}
            max={43_200}
            step="any"
            placeholder={w.asTheServer}
            defaultValue={settings.delay === undefined ? '' : String(settings.delay / MINUTE)}
          />
        </label>
        <label>
          <span>{w.historyCount}</span>
          <input
            name="history"
            type="number"
            min={0}
            max={100}
            placeholder={w.asTheServer}
            defaultValue={settings.history === undefined ? '' : String(settings.history)}
          />
        </label>
        <label>
          <span>{w.ccPolicy}</span>
          <select name="cc_policy">
            {(['carry', 'suggest', 'never'] as const).map(policy => (
              <option key={policy} value={policy} selected={policy === (settings.cc_policy ?? 'carry')}>
                {w.ccPolicies[policy]}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>{w.subjectTemplate}</span>
          <input name="subject_template" maxLength={500} defaultValue={settings.subject_template ?? ''} />
        </label>
        <label>
          <span>{w.intro}</span>
          <textarea name="intro" rows={2} maxLength={5000} defaultValue={settings.intro ?? ''} />
        </label>
        <label>
          <span>{w.footer}</span>
          <textarea name="footer" rows={3} maxLength={5000} defaultValue={settings.footer ?? ''} />
        </label>
        <label>
          <span>{w.blockList}</span>
          <textarea name="blocked" rows={5} spellcheck={false} defaultValue={(settings.blocked ?? []).join('\n')} />
          <span class="hint">{w.blockListHint}</span>
        </label>
        <div class="buttons">
          <button type="submit" class="primary">
            {w.save}
          </button>
        </div>
      </form>
    </section>
  );
}
