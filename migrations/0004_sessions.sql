-- Logins. A session is one login on one device; its refresh token is replaced at each use. No
-- token is kept: each is computed from the session's salt and the number of the token.

create table sessions (
    id uuid primary key,
    rider_id bigint not null references riders,
    salt bytea not null check (length(salt) = 16),
    -- the token that is good; those before it are spent
    token_number int not null default 0 check (token_number >= 0),
    created_at timestamptz not null,
    -- when the token before it was spent
    renewed_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    ended_by text check (ended_by in ('logout', 'reuse', 'operator')),
    check ((ended_at is null) = (ended_by is null))
);
create index sessions_of_rider on sessions (rider_id) where ended_at is null;
create index sessions_ended on sessions (ended_at) where ended_at is not null;
create index sessions_expiry on sessions (expires_at);
