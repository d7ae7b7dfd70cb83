-- Agents: persons who answer for accounts.

-- email: where mail for him goes; email_key: by which he is known, without regard to case. password: scrypt with its
-- parameters; null: he has not chosen one. proven 1: whoever chose it had a link that only his mailbox or the operator got.
create table agent (
  key integer primary key,
  email text not null,
  email_key text not null,
  name text not null,
  password text,
  proven integer not null default 0,
  state text not null default 'on' check (state in ('on', 'disabled')),
  created_at integer not null
) strict;
create unique index agent_by_email on agent (email_key);

-- leaving_at: he does not belong to it any more; the row goes when none of its conversations is assigned to him.
create table agent_account (
  account_key integer not null references account on delete cascade,
  agent_key integer not null references agent on delete cascade,
  role text not null check (role in ('agent', 'admin')),
  notify text not null check (notify in ('assigned', 'all', 'none')),
  created_at integer not null,
  leaving_at integer,
  primary key (account_key, agent_key)
) strict, without rowid;
create index agent_account_of_agent on agent_account (agent_key);
create index agent_account_leaving on agent_account (leaving_at) where leaving_at is not null;

-- hash: SHA-256 of what the browser shows, which is kept nowhere.
create table agent_session (
  key integer primary key,
  hash blob not null unique,
  agent_key integer not null references agent on delete cascade,
  created_at integer not null,
  used_at integer not null
) strict;
create index agent_session_of_agent on agent_session (agent_key, key);
create index agent_session_by_use on agent_session (used_at);

-- hash: SHA-256 of what stands in the link. known_to: who has seen it besides his mailbox: nobody, the operator, or one of
-- an account.
create table sign_in_link (
  key integer primary key,
  hash blob not null unique,
  agent_key integer not null references agent on delete cascade,
  known_to text not null check (known_to in ('nobody', 'operator', 'account')),
  expires_at integer not null
) strict;
create index sign_in_link_of_agent on sign_in_link (agent_key, key);
create index sign_in_link_expires on sign_in_link (expires_at);

-- Up to which message an agent has read a conversation, while it is open.
create table agent_seen (
  conversation_key integer not null references conversation on delete cascade,
  agent_key integer not null references agent on delete cascade,
  seq integer not null,
  primary key (conversation_key, agent_key)
) strict, without rowid;
create index agent_seen_of_agent on agent_seen (agent_key);

-- settled_seq: the last message when it was resolved; up to there nothing is unread.
alter table conversation add column assignee_key integer;
alter table conversation add column settled_seq integer not null default 0;
create index conversation_by_assignee on conversation (account_key, assignee_key, status, last_activity_at)
  where assignee_key is not null;
-- Whose it is stands in the index of all: who looks for those of nobody reads no row of the others. An index of their own
-- would be one more page on its way to disk with every mail.
create index conversation_by_activity_anew on conversation (account_key, status, last_activity_at, assignee_key);
drop index conversation_by_activity;

-- The agent who wrote it; it stays when he goes.
alter table message add column agent_key integer;
create index message_held on message (conversation_key) where held = 1;

-- A mail to an agent.
alter table delivery add column agent_key integer;
create index delivery_of_agent on delivery (agent_key, key) where agent_key is not null;

-- A request is known by its key, or by the agent who made it.
create table idempotency_anew (
  caller integer not null,
  name text not null,
  fingerprint blob not null,
  answer text not null,
  created_at integer not null,
  about text,
  primary key (caller, name)
) strict, without rowid;
insert into idempotency_anew (caller, name, fingerprint, answer, created_at, about)
  select caller, name, fingerprint, answer, created_at, about from idempotency order by caller, name;
drop table idempotency;
alter table idempotency_anew rename to idempotency;
create index idempotency_by_age on idempotency (created_at);
create index idempotency_about on idempotency (about) where about is not null;
