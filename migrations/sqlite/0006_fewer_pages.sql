-- Each entry in an index over conversations or hashes is one more page on its way to disk with every mail. What only
-- removal looked up that way is found by what it removes anyway. Tables are made anew with foreign keys off (migrate.ts).

-- of_message 1: the Message-ID of one of the conversation's messages, which goes with that. 0: all others (aliases that
-- a smarthost reported, and everything from before this schema).
create table thread_id_anew (
  hash integer not null,
  conversation_key integer not null,
  of_message integer not null,
  primary key (hash, conversation_key)
) strict, without rowid;
insert into thread_id_anew (hash, conversation_key, of_message)
  select hash, conversation_key, 0 from thread_id order by hash, conversation_key;
drop table thread_id;
alter table thread_id_anew rename to thread_id;
create index thread_id_of_conversation on thread_id (conversation_key) where of_message = 0;

-- An event of a message is found by that, and goes with it.
create table event_anew (
  key integer primary key,
  account_key integer not null references account on delete cascade,
  conversation_key integer,
  seq integer not null,
  type text not null,
  message_key integer references message on delete cascade,
  data text not null default '{}',
  created_at integer not null
) strict;
insert into event_anew (key, account_key, conversation_key, seq, type, message_key, data, created_at)
  select key, account_key, conversation_key, seq, type, message_key, data, created_at from event order by key;
drop table event;
alter table event_anew rename to event;
create index event_of_account on event (account_key, key);
create index event_of_conversation on event (conversation_key) where message_key is null;
create index event_of_message on event (message_key) where message_key is not null;

-- shared 1: found by its hash, so that the same bytes stand once. 0: a raw mail in a row of its own; hardly ever is one
-- like another, since the same mail is filed once. What stands in a file is always shared, as its file is.
alter table blob add column shared integer not null default 1;
drop index blob_by_hash;
create unique index blob_by_hash on blob (sha256) where shared = 1;
