-- min_program: 14
create table agent (
  key bigint primary key,
  email text collate "C" not null,
  email_key text collate "C" not null,
  name text collate "C" not null,
  password text collate "C",
  proven smallint not null default 0,
  state text collate "C" not null default 'on' check (state in ('on', 'disabled')),
  created_at bigint not null
);
create unique index agent_by_email on agent (email_key);

create table agent_account (
  account_key bigint not null references account on delete cascade,
  agent_key bigint not null references agent on delete cascade,
  role text collate "C" not null check (role in ('agent', 'admin')),
  notify text collate "C" not null check (notify in ('assigned', 'all', 'none')),
  created_at bigint not null,
  leaving_at bigint,
  primary key (account_key, agent_key)
);
create index agent_account_of_agent on agent_account (agent_key);
create index agent_account_leaving on agent_account (leaving_at) where leaving_at is not null;

create table agent_session (
  key bigint primary key,
  hash bytea not null unique,
  agent_key bigint not null references agent on delete cascade,
  created_at bigint not null,
  used_at bigint not null
);
create index agent_session_of_agent on agent_session (agent_key, key);
create index agent_session_by_use on agent_session (used_at);

create table sign_in_link (
  key bigint primary key,
  hash bytea not null unique,
  agent_key bigint not null references agent on delete cascade,
  known_to text collate "C" not null check (known_to in ('nobody', 'operator', 'account')),
  expires_at bigint not null
);
create index sign_in_link_of_agent on sign_in_link (agent_key, key);
create index sign_in_link_expires on sign_in_link (expires_at);

create table agent_seen (
  conversation_key bigint not null references conversation on delete cascade,
  agent_key bigint not null references agent on delete cascade,
  seq bigint not null,
  primary key (conversation_key, agent_key)
);
create index agent_seen_of_agent on agent_seen (agent_key);

alter table conversation add column assignee_key bigint;
alter table conversation add column settled_seq bigint not null default 0;
create index conversation_by_assignee on conversation (account_key, assignee_key, status, last_activity_at)
  where assignee_key is not null;
create index conversation_by_activity_anew on conversation (account_key, status, last_activity_at, assignee_key);
drop index conversation_by_activity;

alter table message add column agent_key bigint;
create index message_held on message (conversation_key) where held = 1;

alter table delivery add column agent_key bigint;
create index delivery_of_agent on delivery (agent_key, key) where agent_key is not null;

alter table idempotency drop constraint idempotency_caller_fkey;
