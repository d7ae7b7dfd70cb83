-- Whether a message's mail quoted earlier messages; null: it was not mailed, or by a program that did not say.
alter table message add column history integer;
-- Accounts that are there keep their mails as they were: nothing is quoted behind the first one. Settings are JSON that
-- begins with its brace.
update account set settings = case when settings = '{}' then '{"history":0}'
  else '{"history":0,' || substr(settings, 2) end;
