/** One message: who, when, by which way; his words; its files; and what became of it. */
import type { Message } from '../../../conversation/model.js';
import { Avatar, nameOf } from '../parts/person.js';
import { When } from '../parts/when.js';
import { words } from '../state/preferences.js';
import { Attachments } from './attachments.js';
import { Body } from './body.js';
import { Deliveries } from './deliveries.js';
import { Held } from './held.js';
import { HtmlView } from './html-view.js';
import { Reasons } from './reasons.js';

export function MessageCard({ message }: { readonly message: Message }) {
  const w = words.value;
  const name = nameOf(message.author);
  const said = message.kind === 'reply' || message.kind === 'channel' || message.kind === 'note' ? null : message.kind;
  return (
    <li>
      <article
        class={`message ${message.direction}${said === null ? '' : ' automatic'}${message.held ? ' is-held' : ''}`}
        aria-label={w.messageOf(name)}
        id={message.id}
        tabIndex={-1}
      >
        <header>
          <Avatar name={name} />
          <span class="message-title">
            <span class="message-who" dir="auto">
              {name}
            </span>
            {message.direction === 'note' && <span class="badge note">{w.onlyTeam}</span>}
            {said !== null && <span class="badge">{w.kinds[said]}</span>}
            {message.looping && <span class="badge bad">{w.looping}</span>}
          </span>
          <span class="message-facts">
            <When at={message.date ?? message.received_at} /> · {w.vias[message.via]}
          </span>
        </header>
        {message.cc.length > 0 && (
          <p class="message-cc" dir="auto">
            {w.cc}: {message.cc.map(nameOf).join(', ')}
          </p>
        )}
        <Held message={message} />
        <Body message={message} />
        <Attachments attachments={message.attachments} />
        <HtmlView message={message} />
        <Deliveries message={message} />
        <Reasons message={message} />
      </article>
    </li>
  );
}
