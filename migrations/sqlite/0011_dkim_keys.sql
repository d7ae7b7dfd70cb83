-- Keys that sign our mails (RFC 6376). state: `signs` (one of a domain), `waiting` for its record in the DNS, `retired`: its
-- record stays for mails on their way. private_key: PKCS #8 in PEM; public_key: base64, as the record has it.
create table dkim_key (
  domain text not null,
  selector text not null,
  state text not null,
  private_key text not null,
  public_key text not null,
  created_at integer not null,
  primary key (domain, selector)
) strict, without rowid;
create unique index dkim_key_signs on dkim_key (domain) where state = 'signs';
