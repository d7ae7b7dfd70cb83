-- min_program: 15
create table cc (
  key bigint primary key,
  conversation_key bigint not null references conversation on delete cascade,
  email text collate "C" not null,
  email_key text collate "C" not null,
  name text collate "C" not null default '',
  state text collate "C" not null check (state in ('carried', 'suggested', 'removed')),
  message_key bigint,
  created_at bigint not null
);
create unique index cc_of_conversation on cc (conversation_key, email_key);
update account set settings = case when settings = '{}' then '{"cc_policy":"suggest"}'
  else '{"cc_policy":"suggest",' || substr(settings, 2) end;
