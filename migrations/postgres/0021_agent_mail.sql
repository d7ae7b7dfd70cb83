-- min_program: 16
alter table account add column agent_mail smallint not null default 0;
alter table agent add column suspended_at bigint;
alter table agent add column suspended_reason text collate "C";

create table agent_token (
  token text collate "C" primary key,
  conversation_key bigint not null references conversation on delete cascade,
  agent_key bigint not null references agent on delete cascade,
  purpose text collate "C" not null check (purpose in ('answer', 'note')),
  created_at bigint not null
);
create unique index agent_token_of_conversation on agent_token (conversation_key, agent_key, purpose);
create index agent_token_of_agent on agent_token (agent_key);

create table agent_follow (
  conversation_key bigint not null references conversation on delete cascade,
  agent_key bigint not null references agent on delete cascade,
  told_seq bigint not null default 0,
  told_at bigint not null default 0,
  muted smallint not null default 0,
  primary key (conversation_key, agent_key)
);
create index agent_follow_of_agent on agent_follow (agent_key);

create table held_commands (
  message_key bigint primary key references message on delete cascade,
  commands text collate "C" not null
);
