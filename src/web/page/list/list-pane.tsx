/** The left side: which conversations, and the list of them, that grows as one comes to its end. */
import { useEffect } from 'preact/hooks';
import type { Channel } from '../../../conversation/model.js';
import { Icon } from '../parts/icon.js';
import { More } from '../parts/more.js';
import { Trouble } from '../parts/trouble.js';
import * as list from '../state/list.js';
import { words } from '../state/preferences.js';
import { route } from '../state/route.js';
import { followWords, sought } from '../state/search.js';
import { ListRow } from './list-row.js';
import { SearchResults } from './search-results.js';

export function ListPane() {
  const w = words.value;
  useEffect(list.followChoices, []);
  useEffect(followWords, []);
  const isSearch = sought.value.trim() !== '';
  return (
    <section class="list-pane" aria-labelledby="list-heading">
      <h2 id="list-heading" class="visually-hidden">
        {w.conversations}
      </h2>
      <div class="list-tools">
        <Search />
        <nav aria-label={w.views} class="views">
          {list.VIEWS.map(view => (
            <button
              key={view}
              type="button"
              aria-current={list.view.value === view ? 'true' : undefined}
              onClick={() => {
                list.view.value = view;
              }}
            >
              {w.viewNames[view]}
            </button>
          ))}
        </nav>
        <ChannelChoice />
      </div>
      {isSearch ? <SearchResults /> : <Rows />}
    </section>
  );
}

function Search() {
  const w = words.value;
  return (
    <search class="search">
      <Icon name="search" />
      <input
        id="search"
        type="search"
        maxLength={200}
        aria-label={w.search}
        placeholder={w.searchHint}
        value={sought.value}
        onInput={event => {
          sought.value = event.currentTarget.value;
        }}
        onKeyDown={event => {
          if (event.key !== 'Escape') return;
          sought.value = '';
          event.currentTarget.blur();
        }}
      />
    </search>
  );
}

function ChannelChoice() {
  const w = words.value;
  return (
    <label class="channel-choice">
      <span>{w.channel}</span>
      <select
        value={list.channel.value ?? ''}
        onChange={event => {
          list.channel.value = (event.currentTarget.value || null) as Channel | null;
        }}
      >
        <option value="">{w.allChannels}</option>
        {Object.entries(w.channels).map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function Rows() {
  const w = words.value;
  const rows = list.rows.value;
  const shown = route.value;
  if (list.state.value === 'failed' && list.fault.value !== null) {
    return <Trouble fault={list.fault.value} onAgain={() => void list.load({ anew: true })} />;
  }
  if (list.state.value === 'ready' && rows.length === 0) return <Empty />;
  return (
    <div class="rows" aria-busy={list.state.value === 'loading'}>
      {list.state.value === 'loading' && rows.length === 0 && <p class="loading late">{w.loading}</p>}
      <ul>
        {rows.map(row => (
          <ListRow key={row.id} row={row} isOpen={shown.kind === 'conversation' && shown.id === row.id} />
        ))}
      </ul>
      {list.hasMore.value && (
        <More key={rows.length} isBusy={list.loadingMore.value} onMore={() => void list.loadMore()} />
      )}
    </div>
  );
}

function Empty() {
  const w = words.value;
  return (
    <div class="empty">
      <p class="empty-title">{w.emptyViews[list.view.value]}</p>
      {list.channel.value !== null && <p>{w.onlyChannel(w.channels[list.channel.value])}</p>}
    </div>
  );
}
