-- An end for what is kept.

-- The bytes of a mail went when retention.raw said so; the row stays, because messages name it.
alter table mail add column raw_gone_at integer;
alter table outgoing_mail add column raw_gone_at integer;
create index outgoing_mail_with_raw on outgoing_mail (created_at) where raw_gone_at is null;

-- A removal has begun: nothing comes in any more, and the daemon finishes it when its caller was cut off.
alter table conversation add column removing_at integer;
create index conversation_removing on conversation (removing_at) where removing_at is not null;

-- What of a finished delivery is cleared away after retention.deliveries.
create index delivery_with_log on delivery (settled_at)
  where settled_at is not null and (head <> '' or kind = 'webhook');

-- Up to which key a table has been gone through: keys rise with time.
create table cleared_to (what text primary key, key integer not null) strict, without rowid;
