-- Where the stream of events and webhooks stands. Their keys are taken from here, last in each transaction, so that they
-- rise in the order of commits, whoever writes. It begins after every key that there is: none is looked for any more.
create table sequencer (one integer primary key check (one = 1), v integer not null) strict;
insert into sequencer (one, v) select 1, coalesce(max(key), 0) from (
  select max(key) as key from account union all select max(key) from contact union all select max(key) from conversation
  union all select max(key) from participant union all select max(key) from message union all select max(key) from mail
  union all select max(key) from outgoing_mail union all select max(key) from attachment union all select max(key) from blob
  union all select max(key) from delivery union all select max(key) from event union all select max(key) from hook
  union all select max(key) from api_key union all select max(events_gone_to) from account);
