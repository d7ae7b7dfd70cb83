/** Beside the messages: with whom it is, who else takes part, and his other conversations. */
import { useEffect, useState } from 'preact/hooks';
import type { Contact, Conversation } from '../../../conversation/model.js';
import { ask, isFault, type Page } from '../api.js';
import { act } from '../parts/act.js';
import { Icon } from '../parts/icon.js';
import { Avatar, nameOf } from '../parts/person.js';
import { When } from '../parts/when.js';
import { contactShown } from '../state/contact-shown.js';
import { readAgain } from '../state/opened.js';
import { words } from '../state/preferences.js';
import { pathOf } from '../state/route.js';
import { CcPeople } from './cc.js';

export function ContactPane({ conversation }: { readonly conversation: Conversation }) {
  const w = words.value;
  const { contact, participants } = conversation;
  const carried = new Set(conversation.cc.filter(each => each.state === 'carried').map(each => each.email));
  const others = participants.filter(each => each.role === 'participant' && !carried.has(each.email ?? ''));
  const address = participants.findLast(each => each.role === 'contact');
  return (
    <aside class={`contact-pane${contactShown.value ? ' is-shown' : ''}`} aria-label={w.contact}>
      <button
        type="button"
        class="quiet only-narrow contact-close"
        aria-label={w.close}
        onClick={() => {
          contactShown.value = false;
        }}
      >
        <Icon name="close" />
      </button>
      <div class="contact-who">
        <Avatar name={nameOf(contact)} />
        <div>
          <h2 dir="auto">{nameOf(contact)}</h2>
          <p class="contact-address" dir="auto">
            {contact.email ?? w.noAddress}
          </p>
        </div>
      </div>
      {contact.suspended !== null && <Suspended conversation={conversation} />}
      {address?.revoked && <p class="notice-line">{w.addressRevoked}</p>}
      <CcPeople conversation={conversation} />
      {others.length > 0 && (
        <section>
          <h3>{w.alsoHere}</h3>
          <ul class="plain">
            {others.map(each => (
              <li key={each.id} dir="auto" title={each.email ?? undefined}>
                {nameOf(each)}
              </li>
            ))}
          </ul>
        </section>
      )}
      <Others conversation={conversation} />
    </aside>
  );
}

function Suspended({ conversation }: { readonly conversation: Conversation }) {
  const w = words.value;
  const { id, suspended } = conversation.contact;
  if (suspended === null) return null;
  const clear = () =>
    act(async () => {
      await ask<Contact>('POST', `/v1/contacts/${id}/clear`);
      await readAgain();
    }, w.suspensionCleared);
  return (
    <div class="suspended">
      <p>
        <strong>{w.suspended}</strong> <When at={suspended.since} />
      </p>
      <p dir="auto">{suspended.reason}</p>
      <button type="button" onClick={clear}>
        {w.clearSuspension}
      </button>
    </div>
  );
}

function Others({ conversation }: { readonly conversation: Conversation }) {
  const w = words.value;
  const { account, contact, id } = conversation;
  const [others, setOthers] = useState<readonly Conversation[]>([]);
  useEffect(() => {
    const leaving = new AbortController();
    const query = { account, contact: contact.id, limit: 11 };
    ask<Page<Conversation>>('GET', '/v1/conversations', { query, signal: leaving.signal }).then(
      page => setOthers(page.data.filter(each => each.id !== id).slice(0, 10)),
      error => {
        if (!leaving.signal.aborted && !isFault(error)) throw error;
      },
    );
    return () => leaving.abort();
  }, [account, contact.id, id]);
  if (others.length === 0) return null;
  return (
    <section>
      <h3>{w.otherConversations}</h3>
      <ul class="plain others">
        {others.map(each => (
          <li key={each.id}>
            <a href={pathOf({ kind: 'conversation', id: each.id })} dir="auto">
              {each.subject || w.numbered(each.number)}
            </a>
            <span class="other-facts">
              {w.statuses[each.status]} · <When at={each.last_activity_at} short />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
