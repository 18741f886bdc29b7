-- What may be lost in a crash: written by the flusher only, never by a fact.

create table station_telemetry (
    station_id uuid primary key,
    seq bigint not null,
    heard_at timestamptz,
    reported_at timestamptz,
    -- the last report that listed every slot
    whole_at timestamptz,
    signal jsonb,
    backup jsonb,
    firmware jsonb
);

create table slot_telemetry (
    station_id uuid not null,
    io smallint not null,
    slot int not null,
    seq bigint not null,
    reading jsonb not null,
    primary key (station_id, io, slot)
);
