//! A settled payment has its gateway's word, as long as words are kept.

use chargeghar::store::verify::{Kind, Scope};

use super::{look, paid};

/// What was said so long ago is dropped by its age.
#[tokio::test]
async fn a_payment_with_its_gateways_word_or_from_before_words_are_kept_is_sound() {
    for (age, word, unanswered) in
        [("1 hour", true, false), ("1 hour", false, true), ("500 days", false, false)]
    {
        let world = paid().await;
        world.rider(100).await;
        world
            .database
            .run(&format!(
                "alter table ledger_entries disable trigger all;
                update payment_intents set gateway = 'khalti',
                    completed_at = completed_at - interval '{age}';
                update ledger_entries set account = 'clearing:khalti'
                where account like 'clearing:%';
                insert into gateway_events (id, gateway, intent_id, source, status, body, hash, at)
                select gen_random_uuid(), 'khalti', id, 'check', 200, '{{}}', sha256('x'), now()
                from payment_intents where {word}"
            ))
            .await;
        if unanswered {
            world.database.is_crooked();
        }

        let (report, _) = look(&world, &Scope::Whole).await;

        let found: Vec<&Kind> = report.counts.keys().collect();
        let wanted: &[&Kind] = if unanswered { &[&Kind::Unanswered] } else { &[] };
        assert_eq!(found, wanted, "{age} {word}: {report:?}");
    }
}
