-- The mark of a store that was moved away (`replyd migrate-store`): nobody opens it any more. target: where it went.
create table moved (one integer primary key check (one = 1), at integer not null, target text not null) strict;
