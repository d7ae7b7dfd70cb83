-- Mails whose sender the DNS is asked about after they were committed. A row goes when the verdicts are written into the
-- mail's messages. client: the IP address that SPF is asked of; null: not asked.
create table unverified (
  mail_key integer primary key references mail on delete cascade,
  client text
) strict;
