create table unverified (
  mail_key bigint primary key references mail on delete cascade,
  client text collate "C"
);
