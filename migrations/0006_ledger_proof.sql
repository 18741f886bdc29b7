-- What makes the ledger complete and provable: points beside money, reversals that name what
-- they undo, the order of commits, a chain of hashes by day, closing rows, documents without a
-- gap in their numbers.

-- What an account counts. Points have accounts of their own.
create function ledger_unit(account text) returns text language sql immutable parallel safe
    return case when account like 'points%' then 'POINTS' else 'NPR' end;

-- Riders' accounts keep a balance row; the others are summed from their entries.
create function ledger_is_riders(account text) returns boolean language sql immutable parallel safe
    return split_part(account, ':', 1)
        in ('wallet', 'hold', 'receivable', 'withdrawing', 'points');

-- A name that is written into the chain as it is needs no escapes.
alter table ledger_entries
    add constraint ledger_entries_account_name check (account ~ '^[a-z_]+(:[a-z0-9]+)?$'),
    add constraint ledger_entries_whole_points
        check (ledger_unit(account) = 'NPR' or amount = trunc(amount));

alter table ledger_transfers
    add constraint ledger_transfers_kind_name check (kind ~ '^[a-z_]+$'),
    add column withdrawal_id uuid,
    -- what this one undoes
    add column reverses uuid references ledger_transfers,
    -- the transaction that wrote it; a number of this cluster, never part of a backup
    add column xid xid8 not null default pg_current_xact_id();
create unique index ledger_transfers_reversed_once on ledger_transfers (reverses)
    where reverses is not null;
create index ledger_transfers_commit on ledger_transfers (xid, id);

alter table ledger_balances
    add constraint ledger_balances_whole_points
        check (ledger_unit(account) = 'NPR' or balance = trunc(balance)),
    add constraint ledger_balances_riders check (ledger_is_riders(account));
create index ledger_balances_held on ledger_balances (account)
    where account like 'hold:%' and balance > 0;

create or replace function ledger_transfers_balance() returns trigger language plpgsql as $$
begin
    if exists (
        select 1 from written group by transfer_id, ledger_unit(account) having sum(amount) <> 0
    ) then
        raise exception 'a transfer does not balance' using errcode = 'check_violation',
            constraint = 'ledger_entries_balance';
    end if;
    return null;
end $$;

-- The chain. Every transfer gets its place some time after its commit, by one sealer, in the
-- order (xid, id); it belongs to the day, in Nepal, on which it got its place.
create table ledger_days (
    day date primary key,
    first bigint not null check (first > 0),
    -- hash of the line that opens the day, and of the one that closes it
    opened bytea not null check (length(opened) = 32),
    last bigint check (last >= first),
    closed bytea check (length(closed) = 32),
    check ((last is null) = (closed is null))
);
create unique index ledger_days_one_open on ledger_days ((closed is null)) where closed is null;

create table ledger_chain (
    position bigint primary key check (position > 0),
    transfer_id uuid not null references ledger_transfers,
    day date not null references ledger_days,
    hash bytea not null check (length(hash) = 32)
);
create unique index ledger_chain_transfer on ledger_chain (transfer_id);

-- Where the sealer goes on: whatever has a lower xid has its place.
create table ledger_sealer (
    id smallint primary key check (id = 1),
    below xid8 not null default '0'
);

-- What the network's own accounts held at the end of a day, credits minus debits.
create table ledger_closings (
    day date not null references ledger_days,
    account text not null check (not ledger_is_riders(account)),
    balance numeric(16, 2) not null,
    primary key (day, account)
);

-- How far the ledger was verified: whatever has a lower xid, and the places up to this one.
create table ledger_verified (
    id smallint primary key check (id = 1),
    below xid8 not null default '0',
    position bigint not null default 0,
    checked_at timestamptz not null,
    whole_at timestamptz
);
create unique index incidents_one_per_finding on incidents ((evidence ->> 'finding'))
    where state = 'open' and kind = 'ledger_finding';
create index payment_intents_completed on payment_intents (completed_at)
    where completed_at is not null;

-- A transfer as it stands in the chain. Never changed: it is what the hashes are made of.
create function ledger_line(account text, amount numeric) returns text language sql immutable parallel safe
    return '["' || account || '","' || amount || '"]';
create function ledger_record(t ledger_transfers, lines text) returns text language sql stable parallel safe
    return '{"transfer":{"id":"' || t.id || '","kind":"' || t.kind || '","at":"'
        || to_char(t.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"'
        || coalesce(',"rental":"' || t.rental_id || '"', '')
        || coalesce(',"intent":"' || t.intent_id || '"', '')
        || coalesce(',"withdrawal":"' || t.withdrawal_id || '"', '')
        || coalesce(',"reverses":"' || t.reverses || '"', '')
        || ',"lines":[' || coalesce(lines, '') || ']}}';

-- Documents. A number is taken in the transaction that closes the rental, from a row and not
-- from a sequence, so that none is ever missing.
create table invoice_counters (
    -- who issues: `CG-KTM`
    branch text not null,
    series text not null check (series in ('invoice', 'credit_note')),
    -- the year of Bikram Sambat in which the fiscal year begins
    fiscal_year smallint not null,
    last int not null check (last > 0),
    primary key (branch, series, fiscal_year)
);

create table invoices (
    id uuid primary key,
    branch text not null,
    series text not null check (series in ('invoice', 'credit_note')),
    fiscal_year smallint not null,
    serial int not null check (serial > 0),
    number text not null,
    rental_id uuid not null references rentals,
    rider_id bigint not null references riders,
    -- the invoice that a credit note corrects
    corrects uuid references invoices,
    reason text,
    issued_at timestamptz not null,
    -- the day in Nepal, in Bikram Sambat: `2083.08.06`
    issued_on text not null,
    amount numeric(14, 2) not null check (amount > 0),
    taxable numeric(14, 2) not null,
    vat numeric(14, 2) not null check (vat >= 0),
    -- the seller and the lines as they were issued
    content jsonb not null,
    check (taxable + vat = amount),
    check ((series = 'credit_note') = (corrects is not null)),
    check ((series = 'credit_note') = (reason is not null))
);
create unique index invoices_serial on invoices (branch, series, fiscal_year, serial);
create unique index invoices_number on invoices (number);
create unique index invoices_one_per_rental on invoices (rental_id) where series = 'invoice';
create index invoices_rental on invoices (rental_id);

-- The first print is the original, the others are copies of it.
create table invoice_prints (
    invoice_id uuid not null references invoices,
    print int not null check (print > 0),
    at timestamptz not null,
    by text not null,
    primary key (invoice_id, print)
);

create function is_append_only() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'check_violation';
end $$;
create function ledger_days_close_once() returns trigger language plpgsql as $$
begin
    if old.closed is not null or (new.day, new.first, new.opened)
        is distinct from (old.day, old.first, old.opened)
    then
        raise exception 'a day is closed once' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger ledger_chain_fixed before update or delete or truncate on ledger_chain
    for each statement execute function is_append_only();
create trigger ledger_closings_fixed before update or delete or truncate on ledger_closings
    for each statement execute function is_append_only();
create trigger ledger_days_fixed before delete or truncate on ledger_days
    for each statement execute function is_append_only();
create trigger ledger_days_closed before update on ledger_days
    for each row execute function ledger_days_close_once();
create trigger invoices_fixed before update or delete or truncate on invoices
    for each statement execute function is_append_only();
create trigger invoice_prints_fixed before update or delete or truncate on invoice_prints
    for each statement execute function is_append_only();
