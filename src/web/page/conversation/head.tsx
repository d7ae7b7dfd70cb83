/** Above the messages: what it is about, whose it is, and what can be done with all of it. */
import { useState } from 'preact/hooks';
import type { Conversation } from '../../../conversation/model.js';
import { ask } from '../api.js';
import { act } from '../parts/act.js';
import { Confirm } from '../parts/dialog.js';
import { Icon } from '../parts/icon.js';
import { Menu } from '../parts/menu.js';
import { nameOf } from '../parts/person.js';
import { contactShown } from '../state/contact-shown.js';
import { takeConversation } from '../state/opened.js';
import { words } from '../state/preferences.js';
import { isAdmin } from '../state/session.js';
import { Assign } from './assign.js';
import { block } from './block.js';

export function setStatus(conversation: Conversation, status: Conversation['status']): Promise<boolean> {
  const w = words.value;
  return act(
    async () =>
      takeConversation(await ask<Conversation>('PATCH', `/v1/conversations/${conversation.id}`, { body: { status } })),
    status === 'resolved' ? w.isResolved : w.isOpenAgain,
  );
}

export function Head({ conversation }: { readonly conversation: Conversation }) {
  const w = words.value;
  const isOpen = conversation.status === 'open';
  return (
    <header class="conversation-head">
      <a class="quiet back" href="/" aria-label={w.back}>
        <Icon name="back" />
      </a>
      <div class="conversation-title">
        <h2 id="conversation-heading" tabIndex={-1} dir="auto">
          {conversation.subject || nameOf(conversation.contact)}
        </h2>
        <p>
          #{conversation.number} · {w.channels[conversation.channel]} ·{' '}
          <span class={`status ${conversation.status}`}>{w.statuses[conversation.status]}</span>
          <span class="only-narrow" dir="auto">
            {' '}
            · {nameOf(conversation.contact)}
          </span>
        </p>
      </div>
      <div class="conversation-actions">
        <Assign conversation={conversation} />
        <button type="button" onClick={() => void setStatus(conversation, isOpen ? 'resolved' : 'open')}>
          {isOpen ? w.resolve : w.reopen}
        </button>
        <button
          type="button"
          class="quiet only-narrow"
          aria-label={w.contact}
          title={w.contact}
          aria-expanded={contactShown.value}
          onClick={() => {
            contactShown.value = !contactShown.value;
          }}
        >
          <Icon name="person" />
        </button>
        <MoreActions conversation={conversation} />
      </div>
    </header>
  );
}

function MoreActions({ conversation }: { readonly conversation: Conversation }) {
  const w = words.value;
  const [asking, askFor] = useState<'rotate' | 'block' | null>(null);
  const { email } = conversation.contact;
  const rotate = () =>
    act(
      async () =>
        takeConversation(await ask<Conversation>('POST', `/v1/conversations/${conversation.id}/rotate-token`)),
      w.rotated,
    );
  return (
    <>
      <Menu label={w.moreActions} icon="more">
        <button type="button" onClick={() => askFor('rotate')}>
          {w.rotate}
        </button>
        {isAdmin.value && email !== null && (
          <button type="button" onClick={() => askFor('block')}>
            {w.block}
          </button>
        )}
      </Menu>
      {asking === 'rotate' && (
        <Confirm title={w.rotate} text={w.rotateWhat} yes={w.rotate} onYes={rotate} onClose={() => askFor(null)} />
      )}
      {asking === 'block' && email !== null && (
        <Confirm
          title={w.block}
          text={w.blockWhat(email)}
          yes={w.block}
          onYes={() => act(() => block(conversation.account, email), w.blocked(email))}
          onClose={() => askFor(null)}
        />
      )}
    </>
  );
}
