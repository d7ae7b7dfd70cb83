-- A contact's conversations by their last activity: mails of the loop window are counted over all of them.
drop index conversation_of_contact;
create index conversation_of_contact on conversation (contact_key, last_activity_at);

-- A mail that is sent on to the operator: it belongs to no conversation. Composed when it is due, like all others.
alter table delivery add column forwarded_mail_key integer references mail on delete cascade;
create index delivery_of_forwarded on delivery (created_at) where forwarded_mail_key is not null;
create index delivery_by_forwarded on delivery (forwarded_mail_key) where forwarded_mail_key is not null;
