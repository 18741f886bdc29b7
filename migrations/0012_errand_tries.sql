-- When an errand was last gone on with: one that cannot be done yet lets those pass that were not
-- tried so lately.

alter table payment_intents add column errand_tried_at timestamptz;
drop index payment_intents_errands;
create index payment_intents_errands on payment_intents
    (errand_tried_at nulls first, completed_at)
    where errand_state = 'PENDING' and status = 'COMPLETED';
