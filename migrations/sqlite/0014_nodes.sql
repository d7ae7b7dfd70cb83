-- Daemons that work on one store. place: of the keys that it makes (src/store/ids.ts), among those of all that are alive.
-- id: of its data_dir. run: another one at each start. configuration: hash of what is to be the same on all nodes.
create table node (
  place integer primary key,
  id text not null unique,
  run integer not null,
  name text not null,
  version text not null,
  configuration text not null,
  started_at integer not null,
  seen_at integer not null
) strict;
-- Which node does what only one of them does, until when nobody else begins it.
create table leader (
  what text primary key,
  run integer not null,
  until integer not null
) strict, without rowid;
-- fence: counts the leases of a delivery; whoever settles says which one he had. leased_by: the place of the node that had
-- the last one; null where there are no nodes.
alter table delivery add column leased_by integer;
alter table delivery add column fence integer not null default 0;
