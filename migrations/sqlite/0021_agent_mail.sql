-- Agents answer by mail.

alter table account add column agent_mail integer not null default 0;

-- Since when an agent is not notified, because his mailbox is dead.
alter table agent add column suspended_at integer;
alter table agent add column suspended_reason text;

-- An agent's own reply addresses in a conversation: what a mail to it becomes.
create table agent_token (
  token text primary key,
  conversation_key integer not null references conversation on delete cascade,
  agent_key integer not null references agent on delete cascade,
  purpose text not null check (purpose in ('answer', 'note')),
  created_at integer not null
) strict, without rowid;
create unique index agent_token_of_conversation on agent_token (conversation_key, agent_key, purpose);
create index agent_token_of_agent on agent_token (agent_key);

-- told_seq, told_at: up to which message his notifications have told him, and when the last one did.
-- muted 1: he wants none until it is assigned to him again.
create table agent_follow (
  conversation_key integer not null references conversation on delete cascade,
  agent_key integer not null references agent on delete cascade,
  told_seq integer not null default 0,
  told_at integer not null default 0,
  muted integer not null default 0,
  primary key (conversation_key, agent_key)
) strict, without rowid;
create index agent_follow_of_agent on agent_follow (agent_key);

-- What an agent's mail asks for beside what it says (JSON), done when it is released.
create table held_commands (
  message_key integer primary key references message on delete cascade,
  commands text not null
) strict;
