-- What a provider proved a mail with, and which mail that was: a signature that says nothing of the mail's content is good
-- for one mail, as often as it comes, and for no other. key, content: hashes. Rows go when the door refuses the proof as
-- too old anyway.
create table proof (
  key blob primary key,
  content blob not null,
  expires_at integer not null
) strict, without rowid;
create index proof_expires on proof (expires_at);
