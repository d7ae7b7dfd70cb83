alter table account add column forwarded_mail smallint not null default 0;
