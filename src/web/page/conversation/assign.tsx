/** Whose conversation it is: a colleague's, one's own, nobody's. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Agent, Conversation } from '../../../conversation/model.js';
import { ask, isFault, type Page } from '../api.js';
import { act } from '../parts/act.js';
import { nameOf } from '../parts/person.js';
import { takeConversation } from '../state/opened.js';
import { words } from '../state/preferences.js';
import { account, me } from '../state/session.js';

const colleagues = signal<{ readonly account: string; readonly all: readonly Agent[] } | null>(null);

async function learnColleagues(slug: string): Promise<void> {
  if (colleagues.peek()?.account === slug) return;
  try {
    const { data } = await ask<Page<Agent>>('GET', '/v1/agents', { query: { account: slug } });
    colleagues.value = { account: slug, all: data };
  } catch (error) {
    if (!isFault(error)) throw error;
  }
}

/** They have changed. */
export function forgetColleagues(): void {
  colleagues.value = null;
}

export function Assign({ conversation }: { readonly conversation: Conversation }) {
  const w = words.value;
  const slug = account.value;
  useEffect(() => {
    if (slug !== null) void learnColleagues(slug);
  }, [slug]);
  const assigned = conversation.assignee;
  const all = (colleagues.value?.all ?? []).filter(each => each.state === 'on' && each.id !== me.value?.id);
  const isGone = assigned !== null && assigned.id !== me.value?.id && !all.some(each => each.id === assigned.id);
  const assign = (agent: string | null) =>
    act(async () =>
      takeConversation(
        await ask<Conversation>('POST', `/v1/conversations/${conversation.id}/assign`, { body: { agent } }),
      ),
    );
  return (
    <label class="assign">
      <span class="visually-hidden">{w.assignee}</span>
      <select
        value={assigned?.id ?? ''}
        onChange={event => {
          void assign(event.currentTarget.value || null);
        }}
      >
        <option value="">{w.nobody}</option>
        {me.value && <option value={me.value.id}>{w.meNamed(nameOf(me.value))}</option>}
        {isGone && <option value={assigned.id}>{nameOf(assigned)}</option>}
        {all.map(each => (
          <option key={each.id} value={each.id}>
            {nameOf(each)}
          </option>
        ))}
      </select>
    </label>
  );
}
