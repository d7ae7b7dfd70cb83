-- The store of replyd on PostgreSQL: what migrations/sqlite 0001 to 0008 make together, which also say what is behind each
-- table, column and index. From 0009 on both engines have the same numbers and names. Rules that hold in every table:
--   * keys, times and counts are bigint; what is 0 or 1 is smallint, so that statements and rows are those of SQLite
--     and the schema still says which they are; JSON is text, since jsonb refuses \u0000.
--   * every text column has collate "C": it compares and orders by bytes, as SQLite does, whatever the database's locale.
--   * no foreign key from event and delivery to account: each of their rows would lock the account's. The removal of an
--     account ends both before the account goes.
--   * an indexed text is short (docs/limits.md): an index entry may have 2,700 bytes.

create table account (
  key bigint primary key,
  slug text collate "C" not null unique,
  name text collate "C" not null,
  support_email text collate "C" not null,
  inbound_emails smallint not null default 0,
  new_conversations smallint not null default 0,
  hold_strangers smallint not null default 0,
  settings text collate "C" not null default '{}',
  inbox_token text collate "C" not null unique,
  next_number bigint not null default 1,
  created_at bigint not null,
  events_gone_to bigint not null default 0
);

create table domain (
  name text collate "C" not null,
  account_key bigint not null references account on delete cascade,
  position bigint not null,
  primary key (name, account_key)
);
create index domain_of_account on domain (account_key, position);

create table reply_prefix (name text collate "C" primary key);

create table contact (
  key bigint primary key,
  account_key bigint not null references account on delete cascade,
  email text collate "C",
  email_key text collate "C",
  name text collate "C" not null default '',
  source_id text collate "C",
  suspended_at bigint,
  suspended_reason text collate "C",
  created_at bigint not null
);
create unique index contact_by_email on contact (account_key, email_key) where email_key is not null;
create unique index contact_by_source on contact (account_key, source_id) where source_id is not null;
create index contact_of_account on contact (account_key, key);

create table conversation (
  key bigint primary key,
  account_key bigint not null references account on delete cascade,
  number bigint not null,
  contact_key bigint not null references contact,
  channel text collate "C" not null,
  source_id text collate "C",
  subject text collate "C",
  status text collate "C" not null default 'open' check (status in ('open', 'resolved')),
  metadata text collate "C" not null default '{}',
  next_seq bigint not null default 1,
  next_event_seq bigint not null default 1,
  created_at bigint not null,
  last_activity_at bigint not null,
  seen_at bigint,
  removing_at bigint
);
create unique index conversation_by_number on conversation (account_key, number);
create index conversation_by_activity on conversation (account_key, status, last_activity_at);
create index conversation_of_contact on conversation (contact_key, last_activity_at);
create index conversation_by_source on conversation (account_key, source_id) where source_id is not null;
create index conversation_removing on conversation (removing_at) where removing_at is not null;

create table participant (
  key bigint primary key,
  conversation_key bigint not null references conversation on delete cascade,
  contact_key bigint references contact,
  email text collate "C",
  email_key text collate "C",
  name text collate "C" not null default '',
  role text collate "C" not null check (role in ('contact', 'participant')),
  created_at bigint not null
);
create index participant_of_conversation on participant (conversation_key, email_key);
create index participant_of_contact on participant (contact_key) where contact_key is not null;

create table token (
  token text collate "C" primary key,
  written text collate "C" not null,
  participant_key bigint not null references participant on delete cascade,
  conversation_key bigint not null,
  created_at bigint not null,
  revoked_at bigint
);
create index token_of_participant on token (participant_key);

create table blob (
  key bigint primary key,
  sha256 bytea not null,
  size bigint not null,
  data bytea,
  created_at bigint not null,
  shared smallint not null default 1
);
create unique index blob_by_hash on blob (sha256) where shared = 1;

-- Contents too large for a row of `blob`, which then has no data: parts of 1 MiB. `touched_at`: whoever clears away what no
-- row names leaves alone what was wanted lately.
create table large_content (
  sha256 bytea primary key,
  size bigint not null,
  touched_at bigint not null
);
create index large_content_by_age on large_content (touched_at);
create table large_part (
  sha256 bytea not null references large_content on delete cascade,
  position bigint not null,
  data bytea not null,
  primary key (sha256, position)
);
-- Attachments are mostly packed already.
alter table large_part alter column data set storage external;

create table mail (
  key bigint primary key,
  state text collate "C" not null check (state in ('filed', 'quarantined', 'refused', 'kept')),
  mail_from text collate "C" not null,
  rcpt_to text collate "C" not null,
  size bigint not null,
  blob_key bigint not null references blob,
  door text collate "C" not null,
  client text collate "C",
  received_at bigint not null,
  reason text collate "C",
  results text collate "C" not null default '[]',
  raw_gone_at bigint
);
create index mail_not_filed on mail (state, key) where state <> 'filed';
create index mail_of_blob on mail (blob_key);

create table message (
  key bigint primary key,
  conversation_key bigint not null references conversation on delete cascade,
  seq bigint not null,
  direction text collate "C" not null check (direction in ('incoming', 'outgoing', 'note')),
  kind text collate "C" not null,
  author_name text collate "C" not null default '',
  author_email text collate "C",
  author_role text collate "C" not null check (author_role in ('contact', 'participant', 'agent', 'system')),
  participant_key bigint,
  text text collate "C" not null default '',
  quoted_text text collate "C" not null default '',
  signature text collate "C" not null default '',
  html text collate "C",
  subject text collate "C",
  message_id text collate "C",
  in_reply_to text collate "C",
  refs text collate "C" not null default '[]',
  recipients_to text collate "C" not null default '[]',
  recipients_cc text collate "C" not null default '[]',
  date bigint,
  received_at bigint not null,
  via text collate "C" not null,
  mail_key bigint references mail,
  source_id text collate "C",
  metadata text collate "C" not null default '{}',
  sender text collate "C",
  report text collate "C" not null default '[]',
  evidence text collate "C" not null default '[]',
  held smallint not null default 0,
  looping smallint not null default 0,
  mail_intent text collate "C",
  mail_reason text collate "C",
  content_key bytea,
  format text collate "C" check (format in ('plain', 'markdown'))
);
create index message_in_order on message (conversation_key, seq, direction, mail_key, received_at, looping);
create unique index message_filed_once on message (conversation_key, content_key) where content_key is not null;
create unique index message_by_source on message (conversation_key, source_id) where source_id is not null;
create index message_quotable on message (conversation_key, seq) where direction = 'outgoing' or kind = 'channel';
create index message_of_mail on message (mail_key) where mail_key is not null;

create table thread_id (
  hash bigint not null,
  conversation_key bigint not null,
  of_message smallint not null,
  primary key (hash, conversation_key)
);
create index thread_id_of_conversation on thread_id (conversation_key) where of_message = 0;

create table attachment (
  key bigint primary key,
  message_key bigint not null references message on delete cascade,
  conversation_key bigint not null,
  position bigint not null,
  filename text collate "C" not null,
  content_type text collate "C" not null,
  inline smallint not null default 0,
  content_id text collate "C",
  seen_before smallint not null default 0,
  blob_key bigint not null references blob
);
create index attachment_of_message on attachment (message_key, position);
create index attachment_seen on attachment (conversation_key, blob_key);
create index attachment_of_blob on attachment (blob_key);

create table outgoing_mail (
  key bigint primary key,
  conversation_key bigint references conversation on delete cascade,
  message_id text collate "C" not null,
  blob_key bigint not null references blob,
  created_at bigint not null,
  raw_gone_at bigint
);
create index outgoing_mail_by_id on outgoing_mail (message_id);
create index outgoing_mail_of_conversation on outgoing_mail (conversation_key);
create index outgoing_mail_of_blob on outgoing_mail (blob_key);
create index outgoing_mail_with_raw on outgoing_mail (created_at) where raw_gone_at is null;

create table event (
  key bigint primary key,
  account_key bigint not null,
  conversation_key bigint,
  seq bigint not null,
  type text collate "C" not null,
  message_key bigint references message on delete cascade,
  data text collate "C" not null default '{}',
  created_at bigint not null
);
create index event_of_account on event (account_key, key);
create index event_of_conversation on event (conversation_key) where message_key is null;
create index event_of_message on event (message_key) where message_key is not null;

create table delivery (
  key bigint primary key,
  kind text collate "C" not null check (kind in ('mail', 'webhook')),
  destination text collate "C" not null,
  order_key text collate "C" not null,
  account_key bigint,
  conversation_key bigint references conversation on delete cascade,
  participant_key bigint,
  outgoing_mail_key bigint references outgoing_mail,
  recipient text collate "C" not null,
  recipient_name text collate "C" not null default '',
  recipient_role text collate "C" not null default 'to' check (recipient_role in ('to', 'cc')),
  envelope_sender text collate "C",
  head text collate "C" not null default '',
  bounce_token text collate "C",
  state text collate "C" not null check (state in ('waiting', 'leased', 'sent', 'deferred', 'failed', 'cancelled')),
  reason text collate "C",
  attempts bigint not null default 0,
  next_attempt_at bigint,
  last_error text collate "C",
  smtp_response text collate "C",
  report text collate "C",
  created_at bigint not null,
  settled_at bigint,
  event_key bigint references event on delete cascade,
  due_at bigint,
  forwarded_mail_key bigint references mail on delete cascade
);
create unique index delivery_by_bounce on delivery (bounce_token) where bounce_token is not null;
create index delivery_due on delivery (destination, next_attempt_at) where state in ('waiting', 'leased', 'deferred');
create index delivery_order on delivery (order_key, key) where state in ('waiting', 'leased', 'deferred');
create index delivery_of_conversation on delivery (conversation_key, key);
create index delivery_of_mail on delivery (outgoing_mail_key) where outgoing_mail_key is not null;
create index delivery_by_state on delivery (state, key) where state in ('failed', 'deferred', 'waiting', 'leased');
create index delivery_of_event on delivery (event_key) where event_key is not null;
create index delivery_of_participant on delivery (participant_key) where state in ('waiting', 'leased', 'deferred');
create index delivery_of_account on delivery (account_key, key);
create index delivery_of_forwarded on delivery (created_at) where forwarded_mail_key is not null;
create index delivery_by_forwarded on delivery (forwarded_mail_key) where forwarded_mail_key is not null;
create index delivery_with_log on delivery (settled_at)
  where settled_at is not null and (head <> '' or kind = 'webhook');

create table delivery_message (
  delivery_key bigint not null references delivery on delete cascade,
  message_key bigint not null references message on delete cascade,
  primary key (delivery_key, message_key)
);
create index delivery_of_message on delivery_message (message_key);

create table destination (
  name text collate "C" primary key,
  paused text collate "C" check (paused in ('operator', 'trouble')),
  reason text collate "C",
  next_probe_at bigint,
  failures bigint not null default 0
);

create table api_key (
  key bigint primary key,
  hash bytea not null unique,
  hint text collate "C" not null,
  account_key bigint references account on delete cascade,
  name text collate "C" not null default '',
  created_at bigint not null,
  last_used_at bigint,
  revoked_at bigint
);
create index api_key_of_account on api_key (account_key) where account_key is not null;

create table hook (
  key bigint primary key,
  account_key bigint not null references account on delete cascade,
  url text collate "C" not null,
  secret text collate "C" not null,
  old_secret text collate "C",
  old_until bigint,
  state text collate "C" not null default 'on' check (state in ('on', 'off')),
  reason text collate "C",
  failing_since bigint,
  created_at bigint not null
);
create index hook_of_account on hook (account_key, state);

create table idempotency (
  caller bigint not null references api_key on delete cascade,
  name text collate "C" not null,
  fingerprint bytea not null,
  answer text collate "C" not null,
  created_at bigint not null,
  about text collate "C",
  primary key (caller, name)
);
create index idempotency_by_age on idempotency (created_at);
create index idempotency_about on idempotency (about) where about is not null;

create table cleared_to (what text collate "C" primary key, key bigint not null);

create table sequencer (one bigint primary key check (one = 1), v bigint not null);
insert into sequencer (one, v) values (1, 0);
