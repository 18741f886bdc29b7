//! The questions about money that goes back: each refund is in the ledger with its amount, nothing
//! else is, no rental and no top-up gives back more than was paid for it, and what goes back for a
//! rental is on its credit note.

/// A refund to its source leaves the wallet when its gateway is told, and comes back if it bounces.
pub const BACK: &str = "
    select 'refund' as kind, coalesce(r.purpose, t.purpose)::text as subject,
        coalesce(r.amount, 0)::text as expected, coalesce(t.amount, 0)::text as found,
        abs(coalesce(r.amount, 0) - coalesce(t.amount, 0)) as off
    from (
        select coalesce(rental_id, intent_id) as purpose, sum(amount) as amount
        from refunds
        where status in ('PROCESSING', 'PROCESSED')
            /*since and coalesce(rental_id, intent_id) in (
                select coalesce(rental_id, intent_id) from new
            ) since*/
        group by coalesce(rental_id, intent_id)
    ) r
    full join (
        select coalesce(t.rental_id, t.intent_id) as purpose, sum(e.amount) as amount
        from ledger_transfers t
        join ledger_entries e on e.transfer_id = t.id
            and e.amount > 0 and ledger_unit(e.account) = 'NPR'
        where t.kind in (
                'refund_to_wallet', 'refund_to_source', 'refund_to_points', 'top_up_back'
            )
            and not exists (select from ledger_transfers u where u.reverses = t.id)
            /*since and coalesce(t.rental_id, t.intent_id) in (
                select coalesce(rental_id, intent_id) from new
            ) since*/
        group by coalesce(t.rental_id, t.intent_id)
    ) t using (purpose)
    where coalesce(r.amount, 0) <> coalesce(t.amount, 0)
    union all
    select 'refund', purpose::text, 'at most ' || paid, given::text, given - paid
    from (
        select t.intent_id as purpose,
            coalesce(-sum(e.amount) filter (where e.amount < 0), 0) as paid,
            coalesce(sum(e.amount) filter (where e.amount > 0), 0) as given
        from ledger_transfers t
        join ledger_entries e on e.transfer_id = t.id and e.account like 'clearing:%'
        where t.intent_id in (select intent_id from refunds)
            and t.reverses is null
            and not exists (select from ledger_transfers u where u.reverses = t.id)
            /*since and t.intent_id in (select intent_id from new) since*/
        group by t.intent_id
        union all
        select t.rental_id,
            coalesce(-sum(e.amount) filter (
                where t.kind = 'capture' and e.account like 'hold:%'
            ), 0) + coalesce(sum(e.amount) filter (
                where t.kind in ('collect', 'points_pay_dues') and e.account like 'receivable:%'
            ), 0),
            coalesce(sum(e.amount) filter (
                where t.kind in (
                    'reverse', 'reverse_points', 'refund_to_wallet', 'refund_to_source',
                    'refund_to_points'
                ) and e.amount > 0 and ledger_unit(e.account) = 'NPR'
            ), 0)
        from ledger_transfers t
        join ledger_entries e on e.transfer_id = t.id
        where t.rental_id in (select rental_id from refunds)
            and t.reverses is null
            and not exists (select from ledger_transfers u where u.reverses = t.id)
            /*since and t.rental_id in (select rental_id from new) since*/
        group by t.rental_id
    ) sums
    where given > paid";

/// A refund of a rental with an invoice is a credit note, of the same amount.
pub const CREDITED: &str = "
    select 'refund' as kind, r.rental_id::text as subject,
        'credit notes of ' || r.amount as expected, coalesce(n.amount, 0)::text as found,
        null::numeric as off
    from (
        select rental_id, sum(amount) as amount from refunds
        where status = 'PROCESSED' and rental_id is not null
        group by rental_id
    ) r
    left join (
        select rental_id, sum(amount) as amount from invoices
        where series = 'credit_note'
        group by rental_id
    ) n using (rental_id)
    where r.amount is distinct from n.amount
        and exists (
            select from invoices i
            where i.rental_id = r.rental_id and i.series = 'invoice'
        )
    union all
    select 'refund', i.rental_id::text, 'no credit note', i.number, null
    from invoices i
    where i.series = 'credit_note' and not exists (
        select from refunds r where r.rental_id = i.rental_id and r.status = 'PROCESSED'
    )";
