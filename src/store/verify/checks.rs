//! The questions. Each answers rows of (kind, subject, expected, found, off): what does not add
//! up, and by how much money. What stands in `/*since … */` narrows a question to what is new.

use super::given;

/// One question and its name for a person who waits.
pub struct Stage {
    pub name: &'static str,
    /// Too wide to be asked of a part.
    pub(super) only_whole: bool,
    pub(super) body: &'static str,
}

impl Stage {
    pub(super) fn sql(&self, whole: bool) -> String {
        let body = if whole {
            self.body.to_owned()
        } else {
            self.body.replace("/*since", "").replace("since*/", "")
        };
        let new = if whole { "" } else { NEW };
        let most = super::TOLD_MAX;
        format!(
            "with {new} found_out as ({body})
            select kind, subject, expected, found,
                count(*) over (partition by kind) as total,
                sum(coalesce(nullif(off, 'NaN'), 0)) over (partition by kind) as off_total
            from found_out
            where $1::text is not null and $2::timestamptz is not null
                and $3::timestamptz is not null
            order by kind, subject
            limit {most}"
        )
    }
}

/// How many transfers are looked at.
pub fn count(whole: bool) -> &'static str {
    if whole {
        "select count(*) from ledger_transfers where $1::text is not null"
    } else {
        "select count(*) from ledger_transfers where xid >= $1::text::xid8"
    }
}

/// What came since: transfers, the riders' accounts they touched, the payments that were made.
const NEW: &str = "
    new as materialized (
        select id, rental_id, intent_id from ledger_transfers where xid >= $1::text::xid8
    ), touched as materialized (
        select distinct account from ledger_entries
        where transfer_id in (select id from new) and ledger_is_riders(account)
    ), paid as materialized (
        select intent_id as id from new where intent_id is not null
        union
        select id from payment_intents
        where status = 'COMPLETED' and completed_at >= $2 - interval '1 hour'
    ),";

pub const STAGES: &[Stage] = &[
    Stage { name: "balances equal their entries", only_whole: false, body: ASTRAY },
    Stage { name: "holds and dues are those of rentals", only_whole: false, body: RENTALS },
    Stage { name: "no hold without an open rental", only_whole: false, body: STRAY_HOLD },
    Stage { name: "money on its way out is asked for", only_whole: false, body: WITHDRAWING },
    Stage { name: "payments are those that were settled", only_whole: false, body: CLEARING },
    Stage { name: "gateways said that they were paid", only_whole: false, body: ANSWERED },
    Stage { name: "what went back was to go back", only_whole: false, body: given::BACK },
    Stage { name: "refunds are on credit notes", only_whole: true, body: given::CREDITED },
    Stage { name: "no price is captured twice", only_whole: false, body: DOUBLE_CAPTURE },
    Stage { name: "reversals undo what they name", only_whole: false, body: REVERSAL },
    Stage { name: "days follow each other", only_whole: true, body: DAYS },
    Stage { name: "closing rows are sums", only_whole: true, body: CLOSING },
    Stage { name: "numbers of documents have no gap", only_whole: true, body: INVOICES },
    Stage { name: "banks are where they last went", only_whole: true, body: CUSTODY },
    // the last one: the replay itself is not a question to the database
    Stage { name: "rentals are what their events led to", only_whole: true, body: ORPHANS },
];

const ASTRAY: &str = "
    select 'astray' as kind, account as subject, coalesce(e.sum, 0)::text as expected,
        coalesce(b.balance, 0)::text as found,
        case ledger_unit(account) when 'NPR'
            then abs(coalesce(e.sum, 0) - coalesce(b.balance, 0)) end as off
    from (
        select account, balance from ledger_balances
        /*since where account in (select account from touched) since*/
    ) b
    full join (
        select account,
            sum(case when account like 'receivable:%' then -amount else amount end) as sum
        from ledger_entries
        where ledger_is_riders(account)
            /*since and account in (select account from touched) since*/
        group by account
    ) e using (account)
    where coalesce(e.sum, 0) <> coalesce(b.balance, 0)";

const RENTALS: &str = "
    select k.kind, r.id::text as subject, k.expected::text, k.found::text,
        abs(k.expected - k.found) as off
    from rentals r
    left join (
        select t.rental_id,
            sum(e.amount) filter (where e.account like 'hold:%') as held,
            -sum(e.amount) filter (where e.account like 'receivable:%') as owed
        from ledger_transfers t
        join ledger_entries e on e.transfer_id = t.id
        where t.rental_id is not null
            /*since and t.rental_id in (select rental_id from new) since*/
        group by t.rental_id
    ) x on x.rental_id = r.id
    cross join lateral (
        values
            (
                'rental_hold',
                case when r.status in ('COMPLETED', 'CANCELLED') then 0 else r.held end,
                coalesce(x.held, 0)
            ),
            ('rental_dues', r.owed, coalesce(x.owed, 0))
    ) k (kind, expected, found)
    where k.expected <> k.found
        /*since and r.id in (select rental_id from new) since*/";

const STRAY_HOLD: &str = "
    select 'stray_hold' as kind, b.account as subject, coalesce(sum(r.held), 0)::text as expected,
        b.balance::text as found, abs(b.balance - coalesce(sum(r.held), 0)) as off
    from ledger_balances b
    left join rentals r on r.rider_id = b.rider_id
        and r.status in ('PENDING', 'PENDING_POPUP', 'ACTIVE', 'OVERDUE')
    where b.account like 'hold:%' and b.balance > 0
    group by b.account, b.balance
    having b.balance <> coalesce(sum(r.held), 0)";

const WITHDRAWING: &str = "
    select 'withdrawing' as kind, account as subject, coalesce(w.sum, 0)::text as expected,
        coalesce(b.balance, 0)::text as found,
        abs(coalesce(w.sum, 0) - coalesce(b.balance, 0)) as off
    from (
        select account, balance from ledger_balances
        where account like 'withdrawing:%' and balance > 0
    ) b
    full join (
        select 'withdrawing:' || rider_id as account, sum(amount) as sum
        from withdrawals
        where status in ('REQUESTED', 'APPROVED')
        group by rider_id
    ) w using (account)
    where coalesce(w.sum, 0) <> coalesce(b.balance, 0)";

const CLEARING: &str = "
    select 'clearing' as kind, coalesce(i.id, t.intent_id)::text as subject,
        coalesce(i.account || ' ' || i.amount, 'nothing') as expected,
        coalesce(t.account || ' ' || t.amount, 'nothing') as found,
        abs(coalesce(i.amount, 0) - coalesce(t.amount, 0)) as off
    from (
        select id, 'clearing:' || gateway as account, amount from payment_intents
        where status = 'COMPLETED'
            /*since and id in (select id from paid) since*/
    ) i
    full join (
        select t.intent_id, min(e.account) as account, -sum(e.amount) as amount
        from ledger_transfers t
        join ledger_entries e on e.transfer_id = t.id and e.account like 'clearing:%'
        where t.kind = 'top_up'
            /*since and t.intent_id in (select id from paid) since*/
        group by t.intent_id
    ) t on t.intent_id = i.id
    where (i.account, i.amount) is distinct from (t.account, t.amount)";

/// No money of a gateway without its word, as long as words are kept.
const ANSWERED: &str = "
    select 'unanswered' as kind, i.id::text as subject,
        'an answer of ' || i.gateway || ' that it is paid' as expected, 'none' as found,
        i.amount as off
    from payment_intents i
    where i.status = 'COMPLETED' and i.gateway <> 'sandbox' and i.completed_at >= $3
        /*since and i.id in (select id from paid) since*/
        and not exists (
            select from gateway_events e
            where e.intent_id = i.id and e.gateway = i.gateway and e.source = 'check'
                and e.status = 200
        )";

const DOUBLE_CAPTURE: &str = "
    select 'double_capture' as kind, t.rental_id::text as subject, '1' as expected,
        count(*)::text as found, null::numeric as off
    from ledger_transfers t
    where t.kind = 'capture'
        /*since and t.rental_id in (select rental_id from new) since*/
        and not exists (select from ledger_transfers r where r.reverses = t.id)
    group by t.rental_id
    having count(*) > 1";

const REVERSAL: &str = "
    select 'reversal' as kind, id::text as subject, '0.00' as expected, sum(amount)::text as found,
        case ledger_unit(account) when 'NPR' then abs(sum(amount)) end as off
    from (
        select t.id, e.account, e.amount
        from ledger_transfers t join ledger_entries e on e.transfer_id = t.id
        where t.reverses is not null
            /*since and t.id in (select id from new) since*/
        union all
        select t.id, e.account, e.amount
        from ledger_transfers t join ledger_entries e on e.transfer_id = t.reverses
        where t.reverses is not null
            /*since and t.id in (select id from new) since*/
    ) both_ways
    group by id, account
    having sum(amount) <> 0";

const DAYS: &str = "
    select 'chain' as kind, day::text as subject, encode(opens, 'hex') as expected,
        encode(opened, 'hex') as found, null::numeric as off
    from (
        select d.day, d.first, d.opened, d.last, d.closed, c.hash,
            coalesce(lag(d.last) over days, 0) as before,
            sha256(convert_to(
                '{\"open\":{\"day\":\"' || d.day || '\",\"previous\":\"'
                || coalesce(encode(lag(d.closed) over days, 'hex'), repeat('0', 64)) || '\"}}',
                'UTF8'
            )) as opens,
            sha256(convert_to(
                encode(c.hash, 'hex') || '{\"close\":{\"day\":\"' || d.day
                || '\",\"transfers\":' || d.last - d.first + 1 || '}}', 'UTF8'
            )) as closes
        from ledger_days d
        left join ledger_chain c on c.position = d.last
        window days as (order by d.day)
    ) days
    where opened <> opens or first <> before + 1 or (last is not null and closed is distinct from closes)
    union all
    select 'chain', 'the last place', coalesce(max(d.last), 0)::text,
        coalesce(max(c.position), 0)::text, null
    from (select max(last) as last, bool_or(closed is null) as open from ledger_days) d
    cross join (select max(position) as position from ledger_chain) c
    having max(c.position) is distinct from max(d.last) and not coalesce(bool_or(d.open), false)";

const CLOSING: &str = "
    with closed as (
        select day, last from ledger_days where last is not null order by day desc limit 1
    )
    select 'closing' as kind, account as subject, coalesce(e.sum, 0)::text as expected,
        coalesce(c.balance, 0)::text as found,
        case ledger_unit(account) when 'NPR'
            then abs(coalesce(e.sum, 0) - coalesce(c.balance, 0)) end as off
    from (
        select e.account, sum(e.amount) as sum
        from ledger_entries e
        join ledger_chain c on c.transfer_id = e.transfer_id
        where not ledger_is_riders(e.account) and c.position <= (select last from closed)
        group by e.account
    ) e
    full join (
        select account, balance from ledger_closings where day = (select day from closed)
    ) c using (account)
    where coalesce(e.sum, 0) <> coalesce(c.balance, 0)";

const INVOICES: &str = "
    select 'invoice_gap' as kind, branch || ' ' || series || ' ' || fiscal_year as subject,
        coalesce(c.last, 0)::text as expected,
        coalesce(i.count, 0) || ' up to ' || coalesce(i.highest, 0) as found, null::numeric as off
    from invoice_counters c
    full join (
        select branch, series, fiscal_year, count(*) as count, max(serial) as highest
        from invoices
        group by branch, series, fiscal_year
    ) i using (branch, series, fiscal_year)
    where c.last is distinct from i.count or c.last is distinct from i.highest";

/// A bank's row is what its last event says, and no event is missing. One pass over the index.
const CUSTODY: &str = "
    select 'custody' as kind, sn as subject,
        coalesce(e.version || ' ' || e.condition || ' ' || e.custody, 'no events') as expected,
        coalesce(b.version || ' ' || b.condition || ' ' || b.place, 'no row')
            || case when e.count <> e.version then ' after ' || e.count || ' events' else '' end
            as found,
        null::numeric as off
    from (
        select sn, version, condition, jsonb_strip_nulls(jsonb_build_object(
            'with', custody, 'station', station_id, 'io', io, 'slot', slot, 'rental', rental_id
        )) as place
        from banks
    ) b
    full join (
        select sn, last.version, last.condition, last.custody, counted.count, counted.first
        from (
            select sn, count(*) as count, min(version) as first, max(version) as version
            from bank_events
            group by sn
        ) counted
        join bank_events last using (sn, version)
    ) e using (sn)
    where (b.version, b.condition, b.place) is distinct from (e.version, e.condition, e.custody)
        or e.first <> 1 or e.count <> e.version";

const ORPHANS: &str = "
    select distinct 'rental_replay' as kind, e.rental_id::text as subject, 'no events' as expected,
        'events without a rental' as found, null::numeric as off
    from rental_events e
    where not exists (select from rentals r where r.id = e.rental_id)";
