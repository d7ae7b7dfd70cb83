-- What a kept answer tells of, by its id: it goes with that. Emptied, it still says that the request was done.
alter table idempotency add column about text;
create index idempotency_about on idempotency (about) where about is not null;
update idempotency set about = case json_type(answer)
  when 'array' then json_extract(answer, '$[0].conversation_id')
  else coalesce(json_extract(answer, '$.conversation_id'), json_extract(answer, '$.hook.id'), json_extract(answer, '$.id'))
end;
