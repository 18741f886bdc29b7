-- What was delivered is forgotten by its age, and what was set aside is counted and listed:
-- without these each look reads every effect that is kept.
create index outbox_done on outbox (done_at) where state = 'done';
create index outbox_undelivered on outbox (created_at, id) where state <> 'done';
