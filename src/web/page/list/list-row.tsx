/** One conversation in the list: a link with all that tells it from the others. */
import type { Conversation } from '../../../conversation/model.js';
import { nameOf } from '../parts/person.js';
import { When } from '../parts/when.js';
import { words } from '../state/preferences.js';
import { pathOf } from '../state/route.js';

export function ListRow({ row, isOpen }: { readonly row: Conversation; readonly isOpen: boolean }) {
  const w = words.value;
  const preview = row.preview;
  return (
    <li class={`row${row.unread ? ' unread' : ''}`}>
      <a
        href={pathOf({ kind: 'conversation', id: row.id })}
        data-row={row.id}
        aria-current={isOpen ? 'page' : undefined}
      >
        <span class="row-top">
          {row.unread && <span class="dot" role="img" aria-label={w.unread} />}
          <span class="row-name" dir="auto">
            {nameOf(row.contact)}
          </span>
          <When at={row.last_activity_at} short />
        </span>
        <span class="row-subject" dir="auto">
          {row.subject || preview?.text || w.noSubject}
        </span>
        {row.subject && preview && (
          <span class="row-preview" dir="auto">
            {preview.direction === 'outgoing' && <span class="row-who">{preview.author || w.us}: </span>}
            {preview.direction === 'note' && <span class="row-who">{w.note}: </span>}
            {preview.text.trim() || w.noWords}
          </span>
        )}
        <span class="row-facts">
          <span class="badge">{w.channels[row.channel]}</span>
          <span>#{row.number}</span>
          {row.contact.suspended && <span class="badge bad">{w.suspendedShort}</span>}
          {row.assignee && <span class="row-assignee">{nameOf(row.assignee)}</span>}
        </span>
      </a>
    </li>
  );
}
