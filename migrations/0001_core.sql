-- Stations, slots, banks, rentals, the ledger, and what is owed to the outside.
-- Facts carry a version; telemetry never shares a table with them.

create table node (
    id smallint primary key check (id = 1),
    epoch bigint not null,
    holder text not null,
    expires_at timestamptz not null
);

create table riders (
    id bigint generated always as identity primary key,
    email text,
    phone text,
    username text,
    status text not null default 'ACTIVE' check (status in ('ACTIVE', 'BANNED', 'INACTIVE')),
    referral_code text,
    token_version int not null default 0,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    last_login_at timestamptz,
    check (email is not null or phone is not null)
);
create unique index riders_email on riders (lower(email));
create unique index riders_phone on riders (phone);
create unique index riders_username on riders (lower(username));
create unique index riders_referral_code on riders (referral_code);

create table stations (
    id uuid primary key,
    device_uuid text not null,
    serial text not null,
    name text not null,
    latitude double precision not null check (latitude between -90 and 90),
    longitude double precision not null check (longitude between -180 and 180),
    address text not null default '',
    landmark text,
    description text,
    opening_time time,
    closing_time time,
    -- raised when the cabinet's password is to change
    credential_generation int not null default 1,
    area_code text not null default '0',
    -- accept frames whose checksum is wrong
    lenient boolean not null default false,
    -- refuse HTTP calls whose signature is wrong
    strict_sign boolean not null default false,
    -- a whole report has confirmed the slots below
    layout_confirmed boolean not null default false,
    is_maintenance boolean not null default false,
    is_deleted boolean not null default false,
    version int not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create unique index stations_device_uuid on stations (device_uuid) where not is_deleted;
create unique index stations_serial on stations (serial) where not is_deleted;

create table slots (
    station_id uuid not null references stations,
    io smallint not null check (io in (0, 1)),
    slot int not null check (slot > 0),
    maintenance boolean not null default false,
    version int not null,
    primary key (station_id, io, slot)
);

-- A cabinet that called without being enrolled.
create table pending_cabinets (
    device_uuid text primary key,
    attempts bigint not null,
    address text,
    hardware text,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null
);

create table packages (
    id uuid primary key,
    name text not null,
    description text not null default '',
    minutes int not null check (minutes > 0),
    price numeric(14, 2) not null check (price >= 0),
    kind text not null check (kind in ('HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY')),
    model text not null check (model in ('PREPAID', 'POSTPAID')),
    is_active boolean not null default true,
    position int not null default 0
);

create table late_fees (
    id uuid primary key,
    name text not null,
    kind text not null check (kind in ('MULTIPLIER', 'FLAT_RATE', 'COMPOUND')),
    multiplier numeric(6, 2) not null,
    flat_per_hour numeric(14, 2) not null,
    grace_minutes int not null check (grace_minutes >= 0),
    max_per_day numeric(14, 2),
    is_active boolean not null
);
create unique index late_fees_one_active on late_fees (is_active) where is_active;

-- Written by whoever gains the bank, guarded by its version. Custody `slot` is what makes a
-- slot occupied.
create table banks (
    sn text primary key,
    custody text not null check (custody in ('slot', 'rental', 'missing', 'quarantine')),
    station_id uuid references stations,
    io smallint,
    slot int,
    rental_id uuid,
    condition text not null default 'GOOD' check (condition in ('GOOD', 'MAINTENANCE', 'DAMAGED')),
    -- fingerprints of frames that closed an earlier rental
    consumed bigint[] not null default '{}',
    version int not null,
    updated_at timestamptz not null,
    check ((custody in ('slot', 'quarantine')) = (station_id is not null)),
    check ((custody = 'rental') = (rental_id is not null))
);
create index banks_station on banks (station_id) where station_id is not null;

create table bank_events (
    sn text not null,
    version int not null,
    custody jsonb not null,
    condition text not null,
    cause text not null,
    rental_id uuid,
    at timestamptz not null,
    primary key (sn, version)
);

create table rentals (
    id uuid primary key,
    code text not null,
    rider_id bigint not null references riders,
    station_id uuid not null references stations,
    io smallint not null,
    slot int not null,
    bank_sn text not null,
    package_id uuid not null,
    command_id uuid not null,
    status text not null check (
        status in ('PENDING', 'PENDING_POPUP', 'ACTIVE', 'OVERDUE', 'COMPLETED', 'CANCELLED')
    ),
    payment_status text not null check (
        payment_status in ('PENDING', 'PAID', 'FAILED', 'REFUNDED')
    ),
    paid numeric(14, 2) not null check (paid >= 0),
    owed numeric(14, 2) not null check (owed >= 0),
    held numeric(14, 2) not null check (held >= 0),
    created_at timestamptz not null,
    started_at timestamptz,
    due_at timestamptz not null,
    ended_at timestamptz,
    return_station_id uuid,
    -- until when a late answer may reopen it
    settle_until timestamptz not null,
    state jsonb not null,
    version int not null
);
create unique index rentals_code on rentals (code);
create unique index rentals_command on rentals (command_id);
create unique index rentals_one_open_per_rider on rentals (rider_id)
    where status in ('PENDING', 'PENDING_POPUP', 'ACTIVE', 'OVERDUE');
create unique index rentals_one_open_per_bank on rentals (bank_sn)
    where status in ('PENDING_POPUP', 'ACTIVE', 'OVERDUE');
create unique index rentals_one_dispensing_per_slot on rentals (station_id, io, slot)
    where status = 'PENDING_POPUP';
create index rentals_of_rider on rentals (rider_id, created_at desc);
create index rentals_settling on rentals (settle_until) where status = 'CANCELLED';

create table rental_events (
    rental_id uuid not null,
    version int not null,
    event jsonb not null,
    at timestamptz not null,
    primary key (rental_id, version)
);

-- Double entry, append-only. An entry credits when positive and debits when negative.
create table ledger_transfers (
    id uuid primary key,
    seq bigint generated always as identity,
    kind text not null,
    rental_id uuid,
    intent_id uuid,
    at timestamptz not null
);
create index ledger_transfers_rental on ledger_transfers (rental_id) where rental_id is not null;
create index ledger_transfers_intent on ledger_transfers (intent_id) where intent_id is not null;

create table ledger_entries (
    transfer_id uuid not null references ledger_transfers,
    line smallint not null,
    account text not null,
    amount numeric(14, 2) not null check (amount <> 0),
    primary key (transfer_id, line)
);
create index ledger_entries_account on ledger_entries (account);

-- Riders' accounts only; the others are summed from their entries.
create table ledger_balances (
    account text primary key,
    rider_id bigint not null references riders,
    balance numeric(14, 2) not null check (balance >= 0)
);
create index ledger_balances_rider on ledger_balances (rider_id);

create function ledger_transfers_balance() returns trigger language plpgsql as $$
begin
    if exists (select 1 from written group by transfer_id having sum(amount) <> 0) then
        raise exception 'a transfer does not balance' using errcode = 'check_violation',
            constraint = 'ledger_entries_balance';
    end if;
    return null;
end $$;
create trigger ledger_entries_balance after insert on ledger_entries
    referencing new table as written
    for each statement execute function ledger_transfers_balance();

create function ledger_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger is append-only' using errcode = 'check_violation';
end $$;
create trigger ledger_transfers_fixed before update or delete or truncate on ledger_transfers
    for each statement execute function ledger_is_append_only();
create trigger ledger_entries_fixed before update or delete or truncate on ledger_entries
    for each statement execute function ledger_is_append_only();

create table payment_intents (
    id uuid primary key,
    rider_id bigint not null references riders,
    gateway text not null check (gateway in ('khalti', 'esewa', 'stripe', 'sandbox')),
    purpose text not null check (purpose in ('WALLET_TOPUP', 'RENTAL_PAYMENT', 'DUE_PAYMENT')),
    amount numeric(14, 2) not null check (amount > 0),
    status text not null check (
        status in ('PENDING', 'COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED')
    ),
    -- our reference at the gateway, bound before the rider is sent there
    gateway_ref text not null,
    gateway_txn_id text,
    redirect jsonb not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    next_check_at timestamptz,
    checks int not null default 0,
    completed_at timestamptz
);
create unique index payment_intents_ref on payment_intents (gateway, gateway_ref);
create unique index payment_intents_txn on payment_intents (gateway, gateway_txn_id);
create index payment_intents_rider on payment_intents (rider_id, created_at desc);
create index payment_intents_due on payment_intents (next_check_at) where next_check_at is not null;

create table outbox (
    id uuid primary key,
    effect jsonb not null,
    created_at timestamptz not null,
    due_at timestamptz not null,
    attempts int not null default 0,
    state text not null default 'owed' check (state in ('owed', 'done', 'dead')),
    last_error text,
    done_at timestamptz
);
create index outbox_owed on outbox (due_at) where state = 'owed';

create table idempotency_keys (
    actor text not null,
    key text not null,
    route text not null,
    body_hash bytea not null,
    status smallint not null,
    -- what was made, rendered as it is when the key comes again
    resource text,
    -- or the answer itself, for routes that move money alone
    response jsonb,
    created_at timestamptz not null,
    primary key (actor, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);

create table incidents (
    id uuid primary key,
    kind text not null,
    station_id uuid,
    rental_id uuid,
    bank_sn text,
    evidence jsonb not null,
    state text not null default 'open' check (state in ('open', 'resolved')),
    opened_at timestamptz not null,
    resolved_at timestamptz,
    resolved_by text,
    resolution text
);
create index incidents_open on incidents (opened_at) where state = 'open';

create table audit (
    id uuid primary key,
    at timestamptz not null,
    actor text not null,
    action text not null,
    target text not null,
    details jsonb not null
);
create index audit_at on audit (at);

-- Every frame as it came, by day; a day is dropped when it is old enough.
create table raw_frames (
    at timestamptz not null,
    device_uuid text not null,
    channel text not null,
    kind text not null,
    bytes bytea not null,
    rental_id uuid
) partition by range (at);
create index raw_frames_cabinet on raw_frames (device_uuid, at);
create table raw_frames_rest partition of raw_frames default;
