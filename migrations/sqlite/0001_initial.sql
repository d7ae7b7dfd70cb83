-- The store of replyd. Rules that hold in every table:
--   * `key` is the integer behind a public id (src/store/ids.ts): it rises with time, so inserts append.
--   * times are milliseconds since 1970; JSON columns hold JSON text; addresses have A-label domains.
--   * whatever grows with the number of mails is found by one index look-up, never by a scan.
--   * a check with three words or more is written with `or`: for `in` SQLite builds a temporary index at every insert.

create table account (
  key integer primary key,
  slug text not null unique,
  name text not null,
  support_email text not null,
  inbound_emails integer not null default 0,
  new_conversations integer not null default 0,
  hold_strangers integer not null default 0,
  settings text not null default '{}',
  inbox_token text not null unique,
  next_number integer not null default 1,
  created_at integer not null
) strict;

-- A domain may serve several accounts. The first (lowest position) is the one in new addresses.
create table domain (
  name text not null,
  account_key integer not null references account on delete cascade,
  position integer not null,
  primary key (name, account_key)
) strict, without rowid;
create index domain_of_account on domain (account_key, position);

-- Every prefix this installation ever wrote into a reply address: reply addresses outlive settings.
create table reply_prefix (name text primary key) strict, without rowid;

create table contact (
  key integer primary key,
  account_key integer not null references account on delete cascade,
  email text,
  -- Lower case, for comparing: people write their own address in any case.
  email_key text,
  name text not null default '',
  source_id text,
  suspended_at integer,
  suspended_reason text,
  created_at integer not null
) strict;
create unique index contact_by_email on contact (account_key, email_key) where email_key is not null;
create unique index contact_by_source on contact (account_key, source_id) where source_id is not null;

create table conversation (
  key integer primary key,
  account_key integer not null references account on delete cascade,
  number integer not null,
  contact_key integer not null references contact,
  channel text not null,
  source_id text,
  subject text,
  status text not null default 'open' check (status in ('open', 'resolved')),
  metadata text not null default '{}',
  next_seq integer not null default 1,
  next_event_seq integer not null default 1,
  created_at integer not null,
  last_activity_at integer not null,
  -- When the contact last saw the conversation in its channel.
  seen_at integer
) strict;
create unique index conversation_by_number on conversation (account_key, number);
create index conversation_by_activity on conversation (account_key, status, last_activity_at);
create index conversation_of_contact on conversation (contact_key);
create index conversation_by_source on conversation (account_key, source_id) where source_id is not null;

create table participant (
  key integer primary key,
  conversation_key integer not null references conversation on delete cascade,
  contact_key integer references contact,
  email text,
  email_key text,
  name text not null default '',
  role text not null check (role in ('contact', 'participant')),
  created_at integer not null
) strict;
create index participant_of_conversation on participant (conversation_key, email_key);
create index participant_of_contact on participant (contact_key) where contact_key is not null;

-- token: in the form that is looked up (lower case, a UUID without hyphens). written: as it stands in addresses.
create table token (
  token text primary key,
  written text not null,
  participant_key integer not null references participant on delete cascade,
  conversation_key integer not null,
  created_at integer not null,
  revoked_at integer
) strict, without rowid;
create index token_of_participant on token (participant_key);

-- Content-addressed bytes. data is null where they stand in a file named by the hash.
create table blob (
  key integer primary key,
  sha256 blob not null,
  size integer not null,
  data blob,
  created_at integer not null
) strict;
create unique index blob_by_hash on blob (sha256);

create table mail (
  key integer primary key,
  state text not null check (state = 'filed' or state = 'quarantined' or state = 'refused' or state = 'kept'),
  mail_from text not null,
  rcpt_to text not null,
  size integer not null,
  blob_key integer not null references blob,
  door text not null,
  client text,
  received_at integer not null,
  reason text,
  -- [{recipient, verdict, message (key), account (key)}]: what became of it for each recipient.
  results text not null default '[]'
) strict;
create index mail_not_filed on mail (state, key) where state <> 'filed';
create index mail_of_blob on mail (blob_key);

create table message (
  key integer primary key,
  conversation_key integer not null references conversation on delete cascade,
  seq integer not null,
  direction text not null check (direction = 'incoming' or direction = 'outgoing' or direction = 'note'),
  kind text not null,
  author_name text not null default '',
  author_email text,
  author_role text not null check (author_role = 'contact' or author_role = 'participant' or author_role = 'agent' or author_role = 'system'),
  participant_key integer,
  text text not null default '',
  quoted_text text not null default '',
  signature text not null default '',
  html text,
  subject text,
  message_id text,
  in_reply_to text,
  refs text not null default '[]',
  recipients_to text not null default '[]',
  recipients_cc text not null default '[]',
  date integer,
  received_at integer not null,
  via text not null,
  mail_key integer references mail,
  source_id text,
  metadata text not null default '{}',
  sender text,
  report text not null default '[]',
  evidence text not null default '[]',
  held integer not null default 0,
  looping integer not null default 0,
  -- auto, now, never: what was asked for; mail_reason: why it was not mailed in the end.
  mail_intent text,
  mail_reason text,
  -- Of an incoming mail: the same mail is filed once (product.md section 2).
  content_key blob
) strict;
create unique index message_in_order on message (conversation_key, seq);
create unique index message_filed_once on message (conversation_key, content_key) where content_key is not null;
create unique index message_by_source on message (conversation_key, source_id) where source_id is not null;
-- What we wrote or mailed as context: all that a customer can quote of us. Incoming mail does not touch it.
create index message_quotable on message (conversation_key, seq) where direction = 'outgoing' or kind = 'channel';
create index message_of_mail on message (mail_key) where mail_key is not null;

-- Ids that name a conversation beside our own: Message-IDs that came in, aliases that a smarthost reported, ids of
-- another system. hash: the first 48 bits of the SHA-256 of the id in its angle brackets' inside.
create table thread_id (
  hash integer not null,
  conversation_key integer not null references conversation on delete cascade,
  primary key (hash, conversation_key)
) strict, without rowid;
create index thread_id_of_conversation on thread_id (conversation_key);

create table attachment (
  key integer primary key,
  message_key integer not null references message on delete cascade,
  conversation_key integer not null,
  position integer not null,
  filename text not null,
  content_type text not null,
  inline integer not null default 0,
  content_id text,
  seen_before integer not null default 0,
  blob_key integer not null references blob
) strict;
create index attachment_of_message on attachment (message_key, position);
create index attachment_seen on attachment (conversation_key, blob_key);
create index attachment_of_blob on attachment (blob_key);

-- A composed mail on its way out: the same bytes for every copy. Its id stands in the Message-ID.
create table outgoing_mail (
  key integer primary key,
  conversation_key integer references conversation on delete cascade,
  message_id text not null,
  blob_key integer not null references blob,
  created_at integer not null
) strict;
create index outgoing_mail_by_id on outgoing_mail (message_id);
create index outgoing_mail_of_conversation on outgoing_mail (conversation_key);
create index outgoing_mail_of_blob on outgoing_mail (blob_key);

-- One thing on its way out. order_key: none is leased while an older one with the same key is unfinished.
create table delivery (
  key integer primary key,
  kind text not null check (kind in ('mail', 'webhook')),
  destination text not null,
  order_key text not null,
  account_key integer references account on delete cascade,
  conversation_key integer references conversation on delete cascade,
  participant_key integer,
  outgoing_mail_key integer references outgoing_mail,
  recipient text not null,
  recipient_name text not null default '',
  recipient_role text not null default 'to' check (recipient_role in ('to', 'cc')),
  envelope_sender text,
  head text not null default '',
  bounce_token text,
  state text not null check (state = 'waiting' or state = 'leased' or state = 'sent' or state = 'deferred' or state = 'failed' or state = 'cancelled'),
  reason text,
  attempts integer not null default 0,
  next_attempt_at integer,
  last_error text,
  smtp_response text,
  report text,
  created_at integer not null,
  settled_at integer
) strict;
create unique index delivery_by_bounce on delivery (bounce_token) where bounce_token is not null;
-- What is unfinished, by when it is due: the queue's own index; it stays small.
create index delivery_due on delivery (destination, next_attempt_at) where state in ('waiting', 'leased', 'deferred');
create index delivery_order on delivery (order_key, key) where state in ('waiting', 'leased', 'deferred');
create index delivery_of_conversation on delivery (conversation_key, key);
create index delivery_of_mail on delivery (outgoing_mail_key) where outgoing_mail_key is not null;
create index delivery_by_state on delivery (state, key) where state in ('failed', 'deferred', 'waiting', 'leased');

-- Deliveries and messages are n:m: one mail gathers several messages, one message goes to several recipients.
create table delivery_message (
  delivery_key integer not null references delivery on delete cascade,
  message_key integer not null references message on delete cascade,
  primary key (delivery_key, message_key)
) strict, without rowid;
create index delivery_of_message on delivery_message (message_key);

-- smarthost, or a hook: paused by an operator or by its own trouble.
create table destination (
  name text primary key,
  paused text check (paused in ('operator', 'trouble')),
  reason text,
  next_probe_at integer,
  failures integer not null default 0
) strict, without rowid;

-- What happened, written in the transaction of what it tells of. seq counts per conversation.
create table event (
  key integer primary key,
  account_key integer not null references account on delete cascade,
  conversation_key integer references conversation on delete cascade,
  seq integer not null,
  type text not null,
  message_key integer references message on delete cascade,
  data text not null default '{}',
  created_at integer not null
) strict;
create index event_of_account on event (account_key, key);
create index event_of_conversation on event (conversation_key, seq);
create index event_of_message on event (message_key) where message_key is not null;
