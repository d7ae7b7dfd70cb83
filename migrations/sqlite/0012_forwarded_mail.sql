-- Feature `forwarded_mail`: a mail that one of the team sent on opens its conversation with who wrote the original.
alter table account add column forwarded_mail integer not null default 0;
