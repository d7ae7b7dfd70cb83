-- min_program: 12
create table moved (one bigint primary key check (one = 1), at bigint not null, target text collate "C" not null);
