-- min_program: 15
create table search_again (message_key bigint primary key, at bigint not null);
-- The index of the search, made of the messages: words as src/conversation/search/words.ts has them, each behind its
-- account. A removed message takes its words along, whichever program removes it.
create table search (
  message_key bigint primary key references message on delete cascade,
  words tsvector not null
);
create index search_words on search using gin (words) with (gin_pending_list_limit = 1024);
-- How far it is filled.
create table search_place (
  one smallint primary key check (one = 1),
  format bigint not null,
  events_to bigint not null,
  down_to bigint,
  total bigint not null,
  done bigint not null
);
