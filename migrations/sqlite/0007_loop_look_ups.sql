-- The mails of a conversation that came in lately are counted for every mail. With what is asked of them in the index
-- that orders them anyway, the count reads one page of it instead of one page of the table for each of them. It is no
-- longer unique for that: two messages with one number leave a gap, since conversation.next_seq gives them out, and
-- `replyd check` tells.
drop index message_in_order;
create index message_in_order on message (conversation_key, seq, direction, mail_key, received_at, looping);
