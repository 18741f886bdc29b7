-- Money that goes back to riders: what of a rental or a top-up, how far, and by whom.

create table refunds (
    id uuid primary key,
    -- what riders and operators call it
    reference text not null,
    rider_id bigint not null references riders,
    -- the transaction that the rider named
    transfer_id uuid not null references ledger_transfers,
    -- what it gives back: one of both
    rental_id uuid references rentals,
    intent_id uuid references payment_intents,
    amount numeric(14, 2) not null check (amount > 0),
    reason text not null,
    status text not null check (
        status in ('REQUESTED', 'APPROVED', 'PROCESSING', 'PROCESSED', 'REJECTED')
    ),
    -- who approves it may not be who gives it back
    two_persons boolean not null,
    requested_at timestamptz not null,
    approved_at timestamptz,
    approved_by text,
    -- who gave it back, or sent the gateway to
    given_by text,
    ended_at timestamptz,
    ended_by text,
    note text,
    gateway_number text,
    -- how often the gateway was told to; counted before each
    tries int not null default 0,
    tried_at timestamptz,
    next_try_at timestamptz,
    check ((rental_id is null) <> (intent_id is null)),
    check ((approved_at is null) = (approved_by is null)),
    check ((ended_at is null) = (status in ('REQUESTED', 'APPROVED', 'PROCESSING'))),
    check (status not in ('PROCESSING', 'PROCESSED') or approved_by is not null),
    check (next_try_at is null or status = 'PROCESSING'),
    constraint refunds_two_persons
        check (given_by is null or not two_persons or given_by <> approved_by)
);
create unique index refunds_reference on refunds (reference);
-- One at a time for each purpose: two could not be told apart at a gateway.
create unique index refunds_one_open_of_rental on refunds (rental_id)
    where status in ('REQUESTED', 'APPROVED', 'PROCESSING') and rental_id is not null;
create unique index refunds_one_open_of_intent on refunds (intent_id)
    where status in ('REQUESTED', 'APPROVED', 'PROCESSING') and intent_id is not null;
create index refunds_of_rider on refunds (rider_id, requested_at desc);
create index refunds_open on refunds (requested_at)
    where status in ('REQUESTED', 'APPROVED', 'PROCESSING');
create index refunds_due on refunds (next_try_at) where next_try_at is not null;
