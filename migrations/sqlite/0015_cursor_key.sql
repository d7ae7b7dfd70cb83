-- The key that seals the API's cursors: the same for all who serve the store.
create table cursor_key (one integer primary key check (one = 1), value blob not null) strict;
