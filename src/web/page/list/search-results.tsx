/** What was found, message by message, with the words that were looked for. */
import { More } from '../parts/more.js';
import { nameOf } from '../parts/person.js';
import { Trouble } from '../parts/trouble.js';
import { When } from '../parts/when.js';
import { words } from '../state/preferences.js';
import { pathOf, route } from '../state/route.js';
import * as search from '../state/search.js';

export function SearchResults() {
  const w = words.value;
  const hits = search.hits.value;
  if (search.state.value === 'failed' && search.fault.value !== null) {
    return <Trouble fault={search.fault.value} onAgain={() => void search.again()} />;
  }
  const isLooking = search.state.value === 'looking';
  return (
    <div class="rows" aria-busy={isLooking}>
      <p class="visually-hidden" role="status">
        {isLooking ? '' : w.found(hits.length)}
      </p>
      {hits.length === 0 && !isLooking && search.next.value === null && <p class="empty">{w.nothingFound}</p>}
      {hits.length === 0 && isLooking && <p class="loading late">{w.loading}</p>}
      <ul>
        {hits.map(hit => (
          <HitRow key={hit.message.id} hit={hit} />
        ))}
      </ul>
      {search.next.value !== null && (
        <More key={search.next.value} isBusy={isLooking} onMore={() => void search.goOn()} />
      )}
    </div>
  );
}

function HitRow({ hit }: { readonly hit: search.Hit }) {
  const w = words.value;
  const { conversation, message } = hit;
  const shown = route.value;
  const isOpen = shown.kind === 'conversation' && shown.id === conversation.id && shown.message === message.id;
  return (
    <li class="row">
      <a
        href={pathOf({ kind: 'conversation', id: conversation.id, message: message.id })}
        data-row={`${conversation.id} ${message.id}`}
        aria-current={isOpen ? 'page' : undefined}
      >
        <span class="row-top">
          <span class="row-name" dir="auto">
            {nameOf(message.author)}
          </span>
          <When at={message.received_at} short />
        </span>
        <span class="row-subject" dir="auto">
          {conversation.subject || nameOf(conversation.contact)}
        </span>
        <span class="row-preview is-hit" dir="auto">
          {message.direction === 'note' && <span class="row-who">{w.note}: </span>}
          <Marked snippet={hit.snippet} />
        </span>
        <span class="row-facts">
          <span>#{conversation.number}</span>
          <span>{w.statuses[conversation.status]}</span>
          {message.held && <span class="badge bad">{w.viewNames.held}</span>}
        </span>
      </a>
    </li>
  );
}

function Marked({ snippet }: { readonly snippet: search.Hit['snippet'] }) {
  const parts = [];
  let from = 0;
  for (const { at, length } of snippet.hits) {
    if (at < from) continue;
    parts.push(snippet.text.slice(from, at), <mark>{snippet.text.slice(at, at + length)}</mark>);
    from = at + length;
  }
  parts.push(snippet.text.slice(from));
  return <>{parts}</>;
}
