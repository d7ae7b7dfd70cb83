-- min_program: 14
-- The key that seals the API's cursors: the same for all nodes.
create table cursor_key (one smallint primary key check (one = 1), value bytea not null);
