/** Those who answer for the account: who is added gets a link to sign in with, which is shown once. */
import { useState } from 'preact/hooks';
import type { Agent } from '../../../conversation/model.js';
import { ask } from '../api.js';
import { forgetColleagues } from '../conversation/assign.js';
import { act } from '../parts/act.js';
import { Confirm } from '../parts/dialog.js';
import { Avatar, nameOf } from '../parts/person.js';
import { Trouble } from '../parts/trouble.js';
import { words } from '../state/preferences.js';
import { account, me } from '../state/session.js';
import { notify } from '../state/told.js';
import { Once } from './once.js';
import { useList } from './use-list.js';

/** Of a link to sign in. */
interface Linked {
  /** Null: it comes by mail alone. */
  readonly link: string | null;
}

const ROLES = ['agent', 'admin'] as const;
const NOTIFY = ['assigned', 'all', 'none'] as const;

export function AgentsPart() {
  const w = words.value;
  const slug = account.value;
  const agents = useList<Agent>('/v1/agents', { account: slug });
  const [link, show] = useState<string | null>(null);
  const told = (made: string | null) => {
    if (made === null) notify('good', w.linkMailed);
    else show(made);
  };
  const changed = () => {
    forgetColleagues();
    agents.again();
  };
  const add = (form: HTMLFormElement) =>
    act(async () => {
      const { email, name, role } = Object.fromEntries(new FormData(form));
      const made = await ask<Agent & Partial<Linked>>('POST', '/v1/agents', {
        body: { account: slug, email, name, role },
      });
      form.reset();
      changed();
      told(made.link ?? null);
    });
  return (
    <section aria-labelledby="agents-heading">
      <h2 id="agents-heading">{w.settingsParts.agents}</h2>
      {agents.fault && <Trouble fault={agents.fault} onAgain={agents.again} />}
      <ul class="cards">
        {agents.rows?.map(agent => (
          <AgentCard key={agent.id} agent={agent} onChange={changed} onLink={told} />
        ))}
      </ul>
      <form
        class="card line"
        onSubmit={event => {
          event.preventDefault();
          void add(event.currentTarget);
        }}
      >
        <label>
          <span>{w.name}</span>
          <input name="name" required maxLength={255} autocomplete="off" />
        </label>
        <label>
          <span>{w.email}</span>
          <input name="email" type="email" required maxLength={320} autocomplete="off" />
        </label>
        <label>
          <span>{w.role}</span>
          <select name="role">
            {ROLES.map(role => (
              <option key={role} value={role}>
                {w.roles[role]}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" class="primary">
          {w.add}
        </button>
      </form>
      {link !== null && <Once title={w.signInLink} text={w.linkOnce} secret={link} onClose={() => show(null)} />}
    </section>
  );
}

interface AgentCardProps {
  readonly agent: Agent;
  readonly onChange: () => void;
  readonly onLink: (link: string | null) => void;
}

function AgentCard({ agent, onChange, onLink }: AgentCardProps) {
  const w = words.value;
  const [isRemoving, setRemoving] = useState(false);
  const place = `/v1/agents/${agent.id}`;
  const query = { account: agent.account };
  const isMe = agent.id === me.value?.id;
  const change = (body: Partial<Pick<Agent, 'role' | 'notify'>>) =>
    act(() => ask('PATCH', place, { query, body }).then(onChange), w.saved);
  const post = (how: string) => act(() => ask('POST', `${place}/${how}`, { query }).then(onChange), w.saved);
  const newLink = () => act(async () => onLink((await ask<Linked>('POST', `${place}/link`, { query })).link));
  return (
    <li class="card agent">
      <Avatar name={nameOf(agent)} />
      <div class="agent-who">
        <p class="card-title" dir="auto">
          {nameOf(agent)} {isMe && <span class="badge">{w.you}</span>}
          {agent.state === 'disabled' && <span class="badge bad">{w.disabled}</span>}
          {agent.suspended !== null && <span class="badge bad">{w.notNotified}</span>}
          {!agent.has_password && <span class="badge">{w.neverSignedIn}</span>}
        </p>
        <p class="hint" dir="auto">
          {agent.email}
        </p>
        {agent.suspended !== null && (
          <p class="hint" dir="auto">
            {w.notNotifiedWhy} {agent.suspended.reason}
          </p>
        )}
      </div>
      <div class="line">
        <label>
          <span>{w.role}</span>
          <select
            value={agent.role}
            disabled={isMe}
            onChange={event => void change({ role: event.currentTarget.value as Agent['role'] })}
          >
            {ROLES.map(role => (
              <option key={role} value={role}>
                {w.roles[role]}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>{w.notifyAbout}</span>
          <select
            value={agent.notify}
            onChange={event => void change({ notify: event.currentTarget.value as Agent['notify'] })}
          >
            {NOTIFY.map(each => (
              <option key={each} value={each}>
                {w.notify[each]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div class="buttons">
        <button type="button" onClick={newLink}>
          {w.newLink}
        </button>
        {agent.suspended !== null && agent.state === 'on' && (
          <button type="button" onClick={() => post('enable')}>
            {w.notifyAgain}
          </button>
        )}
        {!isMe && (
          <>
            <button type="button" onClick={() => post(agent.state === 'on' ? 'disable' : 'enable')}>
              {agent.state === 'on' ? w.disable : w.enable}
            </button>
            <button type="button" onClick={() => setRemoving(true)}>
              {w.remove}
            </button>
          </>
        )}
      </div>
      {isRemoving && (
        <Confirm
          title={w.remove}
          text={w.removeAgent(nameOf(agent))}
          yes={w.remove}
          onYes={() => act(() => ask('DELETE', place, { query }).then(onChange))}
          onClose={() => setRemoving(false)}
        />
      )}
    </li>
  );
}
