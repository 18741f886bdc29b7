-- What can be told again and again while nobody has looked at it yet: of one subject there is one
-- open incident of a kind at most.

alter table incidents add column subject text;
create unique index incidents_subject on incidents (kind, subject) where state = 'open';
