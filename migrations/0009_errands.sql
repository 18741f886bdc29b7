-- What a payment is for beside the wallet: a start or dues that were short of money are gone on
-- with by the service, once, when the payment is settled.

alter table payment_intents
    -- what to do, with its parameters and the key of the request
    add column errand jsonb,
    add column errand_state text check (errand_state in ('PENDING', 'SUCCESS', 'FAILED')),
    add column errand_rental uuid,
    -- why it could not be done; the money stays in the wallet
    add column errand_error text,
    add constraint payment_intents_errand_state check ((errand is null) = (errand_state is null)),
    add constraint payment_intents_errand_paid
        check (coalesce(errand_state, 'PENDING') = 'PENDING' or status = 'COMPLETED');
create index payment_intents_errands on payment_intents (completed_at)
    where errand_state = 'PENDING' and status = 'COMPLETED';
