-- People in Cc of a conversation: who gets its answers, who is suggested, whom the team removed. message_key: whose mail
-- brought him in; null: the team.
create table cc (
  key integer primary key,
  conversation_key integer not null references conversation on delete cascade,
  email text not null,
  email_key text not null,
  name text not null default '',
  state text not null check (state in ('carried', 'suggested', 'removed')),
  message_key integer,
  created_at integer not null
) strict;
create unique index cc_of_conversation on cc (conversation_key, email_key);
-- Accounts that are there mail to nobody more than before: such people are suggested.
update account set settings = case when settings = '{}' then '{"cc_policy":"suggest"}'
  else '{"cc_policy":"suggest",' || substr(settings, 2) end;
