-- What applications need: keys, hooks, answers that are given once, and the position up to which events are gone.

-- hash: SHA-256 of the key, which itself is shown once and kept nowhere. No account: an operator's key.
create table api_key (
  key integer primary key,
  hash blob not null unique,
  hint text not null,
  account_key integer references account on delete cascade,
  name text not null default '',
  created_at integer not null,
  last_used_at integer,
  revoked_at integer
) strict;
create index api_key_of_account on api_key (account_key) where account_key is not null;

-- old_secret signs beside secret until old_until, so that a receiver can change over. state off: switched off for a
-- reason, nothing new is queued for it.
create table hook (
  key integer primary key,
  account_key integer not null references account on delete cascade,
  url text not null,
  secret text not null,
  old_secret text,
  old_until integer,
  state text not null default 'on' check (state in ('on', 'off')),
  reason text,
  failing_since integer,
  created_at integer not null
) strict;
create index hook_of_account on hook (account_key, state);

-- The answer to a request that its caller named, written in the transaction of what it did.
create table idempotency (
  caller integer not null references api_key on delete cascade,
  name text not null,
  fingerprint blob not null,
  answer text not null,
  created_at integer not null,
  primary key (caller, name)
) strict, without rowid;
create index idempotency_by_age on idempotency (created_at);

-- Events up to this key have been cleared away: whoever stands before it has missed something.
alter table account add column events_gone_to integer not null default 0;

-- Of a webhook: what it tells. It goes with its event.
alter table delivery add column event_key integer references event on delete cascade;
create index delivery_of_event on delivery (event_key) where event_key is not null;
-- Of a mail that is not composed yet: when it would be due if nothing stood in its way.
alter table delivery add column due_at integer;

-- What waits for one person: an address, the end of a suspension.
create index delivery_of_participant on delivery (participant_key) where state in ('waiting', 'leased', 'deferred');
-- Listings of one account, however many others there are.
create index delivery_of_account on delivery (account_key, key);
create index contact_of_account on contact (account_key, key);

-- plain or markdown; null: markdown for what an agent wrote, plain for all else.
alter table message add column format text check (format in ('plain', 'markdown'));
