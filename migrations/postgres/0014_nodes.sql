create table node (
  place bigint primary key,
  id text collate "C" not null unique,
  run bigint not null,
  name text collate "C" not null,
  version text collate "C" not null,
  configuration text collate "C" not null,
  started_at bigint not null,
  seen_at bigint not null
);
create table leader (what text collate "C" primary key, run bigint not null, until bigint not null);
alter table delivery add column leased_by bigint;
alter table delivery add column fence bigint not null default 0;
