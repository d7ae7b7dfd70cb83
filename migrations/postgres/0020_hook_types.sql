-- min_program: 15
alter table hook add column types text collate "C";
