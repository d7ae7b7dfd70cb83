create table proof (
  key bytea primary key,
  content bytea not null,
  expires_at bigint not null
);
create index proof_expires on proof (expires_at);
