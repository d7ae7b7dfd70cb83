-- Messages that the search has to look at again: their words changed, or they are gone. New ones it finds by their events.
-- at: another value each time, so that what changed meanwhile is not taken for done. The index stands in search.db.
create table search_again (message_key integer primary key, at integer not null) strict;
