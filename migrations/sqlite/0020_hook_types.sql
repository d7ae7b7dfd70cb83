-- Of which types of events a hook hears, a list as JSON; null: of all.
alter table hook add column types text;
