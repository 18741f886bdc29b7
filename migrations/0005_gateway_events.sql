-- What gateways said of payments, word for word but for what nobody may keep: for disputes. Only
-- added to; old rows are dropped by their age.

create table gateway_events (
    id uuid primary key,
    gateway text not null,
    -- of a payment that may not be stored: a start that the gateway refused
    intent_id uuid,
    source text not null check (source in ('start', 'check', 'refund', 'redirect', 'webhook')),
    -- of sealed news: the same news is worth something once
    news_id text,
    -- of an answer over HTTP
    status smallint,
    -- redacted, and cut at a bound
    body text not null,
    -- SHA-256 of the bytes as they came
    hash bytea not null check (length(hash) = 32),
    at timestamptz not null
);
create unique index gateway_events_news on gateway_events (gateway, news_id)
    where news_id is not null;
create index gateway_events_intent on gateway_events (intent_id, at);
create index gateway_events_at on gateway_events (at);

create function gateway_events_stay() returns trigger language plpgsql as $$
begin
    raise exception 'what a gateway said is not changed' using errcode = 'check_violation';
end $$;
create trigger gateway_events_fixed before update on gateway_events
    for each statement execute function gateway_events_stay();

-- A payment is credited once, whatever the service believes.
create unique index ledger_transfers_one_top_up on ledger_transfers (intent_id)
    where kind = 'top_up';
alter table payment_intents add constraint payment_intents_settled_by_a_number
    check (status <> 'COMPLETED' or gateway_txn_id is not null);
