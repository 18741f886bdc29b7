//! Clients that hang up in the middle: whatever they began is done whole or not at all.

use std::time::Duration;

use chargeghar::entropy::Entropy;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::app::{App, start};
use crate::harness::node::TestNode;

/// Each rider starts, tops up, cancels and reads, each time with the line cut.
const RIDERS: usize = 24;
const BANKS: [&str; 6] = ["40818041", "40818042", "40818043", "40818044", "40818045", "40818046"];

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_cut_off_leave_no_open_transaction_and_no_half_done_rental() {
    let node = TestNode::start().await;
    let others = BANKS.map(other);
    let others = others.each_ref().map(String::as_str);
    let cabinets = [
        node.cabinet("860000000000017", "CG-1", &BANKS).await,
        node.cabinet("860000000000025", "CG-2", &others).await,
    ];
    let mut riders = Vec::new();
    for _ in 0..RIDERS {
        riders.push(node.rider(100).await);
    }

    for round in 0..4_u32 {
        let cut = riders.iter().enumerate().map(|(number, rider)| {
            let serial = if number % 2 == 0 { "CG-1" } else { "CG-2" };
            cut_off(&node, node.app(*rider), serial, node.node.rentals.open_of(*rider))
        });
        let cut: usize = futures::future::join_all(cut).await.into_iter().sum();
        assert!(cut >= RIDERS * 3, "{cut} requests in round {round}");
        // those that wait behind an eject get their turn
        for _ in 0..6 {
            node.clock.advance(Duration::from_secs(1));
            node.settle(2).await;
        }
    }

    let open = "select count(*) from pg_stat_activity
        where datname = current_database() and state like 'idle in transaction%'";
    node.database.until(open, "0", Duration::from_secs(10)).await;
    node.until_async("every start is decided", async || {
        node.clock.advance(Duration::from_secs(1));
        let undecided = "select count(*) from rentals where status = 'PENDING_POPUP'";
        (node.database.number(undecided).await == 0).then_some(())
    })
    .await;
    node.audit().await;
    let rentals = node.database.number("select count(*) from rentals").await;
    assert!(rentals > 0, "nothing was begun");
    let doubled = "select count(*) from (select bank_sn from rentals
        where status in ('ACTIVE', 'OVERDUE') group by 1 having count(*) > 1) q";
    assert_eq!(node.database.number(doubled).await, 0);
    let ejects: u64 = cabinets.iter().map(|cabinet| cabinet.counts().ejects).sum();
    let out = "select count(*) from rentals where status in ('ACTIVE', 'OVERDUE')";
    assert_eq!(node.database.number(out).await, i64::try_from(ejects).unwrap(), "banks out");
    let after = node.app(node.rider(100).await);
    assert_eq!(after.get("/readyz").await.status, 200);
    assert_eq!(after.get("/api/users/wallet").await.data()["balance"], "100.00");
    node.stop().await;
}

/// Sends requests and hangs up, each a little later than the one before; says how many.
async fn cut_off(
    node: &TestNode,
    app: App,
    serial: &str,
    open: Option<domain::ids::RentalId>,
) -> usize {
    let top_up = json!({ "amount": "50", "payment_method_id": "sandbox" }).to_string();
    let mut requests = vec![
        app.raw("POST", "/api/rentals/start", &start(serial).to_string()),
        app.raw("POST", "/api/payments/wallet/topup-intent", &top_up),
        app.raw("GET", "/api/rentals/history", ""),
        app.raw("GET", "/api/payments/transactions", ""),
    ];
    let cancels = open.map(|id| app.raw("POST", &format!("/api/rentals/{id}/cancel"), "{}"));
    requests.extend(cancels);
    for request in &requests {
        let mut line = TcpStream::connect(node.node.http_addr()).await.unwrap();
        line.write_all(request.as_bytes()).await.unwrap();
        let patience = Entropy::system().jitter(Duration::ZERO..=Duration::from_millis(25));
        // some are answered by then; nobody reads it
        let _ = tokio::time::timeout(patience, line.readable()).await;
        drop(line);
    }
    requests.len()
}

/// Banks of the second cabinet.
fn other(sn: &str) -> String {
    sn.replacen("408180", "408190", 1)
}
