-- Money on its way out of wallets: asked for by riders, paid out by operators.

create table withdrawals (
    id uuid primary key,
    -- what riders and operators call it
    reference text not null,
    rider_id bigint not null references riders,
    amount numeric(14, 2) not null check (amount > 0),
    -- taken out of the amount
    fee numeric(14, 2) not null check (fee between 0 and amount),
    method text not null check (method in ('esewa', 'khalti', 'bank')),
    -- where it is paid to, as the rider wrote it
    account jsonb not null,
    status text not null check (
        status in ('REQUESTED', 'APPROVED', 'COMPLETED', 'REJECTED', 'CANCELLED')
    ),
    -- who approves it may not be who pays it out
    two_persons boolean not null,
    requested_at timestamptz not null,
    approved_at timestamptz,
    approved_by text,
    ended_at timestamptz,
    ended_by text,
    note text,
    -- the bank's or the gateway's number of the payment
    payout_reference text,
    check ((approved_at is null) = (approved_by is null)),
    check ((ended_at is null) = (ended_by is null)),
    check ((ended_at is null) = (status in ('REQUESTED', 'APPROVED'))),
    check (status not in ('APPROVED', 'COMPLETED') or approved_by is not null),
    constraint withdrawals_two_persons
        check (status <> 'COMPLETED' or not two_persons or ended_by <> approved_by)
);
create unique index withdrawals_reference on withdrawals (reference);
create index withdrawals_of_rider on withdrawals (rider_id, requested_at desc);
create index withdrawals_open on withdrawals (requested_at)
    where status in ('REQUESTED', 'APPROVED');

-- Money is set aside once and goes one way once, whatever the service believes.
create unique index ledger_transfers_one_withdrawal on ledger_transfers (withdrawal_id)
    where kind = 'withdraw_request';
create unique index ledger_transfers_one_payout on ledger_transfers (withdrawal_id)
    where kind in ('withdraw_complete', 'withdraw_reject', 'withdraw_cancel');
