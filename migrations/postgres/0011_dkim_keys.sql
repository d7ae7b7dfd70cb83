create table dkim_key (
  domain text collate "C" not null,
  selector text collate "C" not null,
  state text collate "C" not null,
  private_key text collate "C" not null,
  public_key text collate "C" not null,
  created_at bigint not null,
  primary key (domain, selector)
);
create unique index dkim_key_signs on dkim_key (domain) where state = 'signs';
