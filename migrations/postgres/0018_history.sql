-- min_program: 15
alter table message add column history smallint;
update account set settings = case when settings = '{}' then '{"history":0}'
  else '{"history":0,' || substr(settings, 2) end;
