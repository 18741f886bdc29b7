//! A report that says what the last one said: nothing in the books moved since, and nothing is
//! open that a fresh look would decide. It is heard, and no slot is looked at.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, Utc};
use devices::{Report, Uplink};
use domain::station::Snapshot;

use super::inbound::Received;
use super::layout::RowWrite;
use super::{Msg, State};
use crate::actors::flusher::StationNews;
use crate::actors::rental::Cause;
use crate::metrics;

/// What the last report said, and how often the books of this cabinet had changed by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    digest: u64,
    changes: u64,
}

impl State {
    /// Whatever may give a report something to say ends it; what cabinets and brokers tell all
    /// day does not.
    pub(super) fn mind_settled(&mut self, message: &Msg) {
        let is_idle = match message {
            Msg::Inbound(inbound) => matches!(
                inbound.uplink,
                Uplink::Report(_)
                    | Uplink::Heartbeat(_)
                    | Uplink::WifiList(_)
                    | Uplink::Opaque { .. }
            ),
            Msg::Session { .. }
            | Msg::LinkLost { .. }
            | Msg::LinkBack { .. }
            | Msg::SlotChanged(_)
            | Msg::Connecting { .. }
            | Msg::Check(_)
            | Msg::Told(_)
            | Msg::Describe(_)
            | Msg::Turn
            | Msg::Tick(_) => true,
            Msg::Moved(_)
            | Msg::Reserve(_)
            | Msg::Unreserve(_)
            | Msg::Engaged(_)
            | Msg::Publish(_)
            | Msg::LookInto(_)
            | Msg::EjectOver(_)
            | Msg::Doubt { .. }
            | Msg::Inventoried { .. }
            | Msg::Written { .. }
            | Msg::Reread(_)
            | Msg::EjectForService(_)
            | Msg::EjectNoted { .. }
            | Msg::Maintenance { .. }
            | Msg::SlotAgain(_) => false,
        };
        if !is_idle {
            self.settled = None;
        }
    }

    /// The report says nothing new, and nobody waits for a fresh one.
    pub(super) fn says_nothing_new(&self, report: &Report, received: Received) -> bool {
        let Some(settled) = self.settled.filter(|_| received.live) else { return false };
        let told = |child: &super::Child| child.mailbox.is_some() && child.reading.is_some();
        self.is_quiet()
            && settled.changes == self.context.banks.changes(self.id())
            && self.slots.values().all(told)
            && settled.digest == digest(report)
    }

    /// Heard, and no more.
    pub(super) async fn hear_the_same(
        &mut self,
        report: &Report,
        received: Received,
        cause: Cause,
    ) {
        metrics::REPORTS_UNCHANGED.inc([]);
        self.whole_at = self.whole_at.max(Some(received.earliest));
        self.context.keep(cause);
        // who waits for the answer may look for what is to be stored
        self.flush_heard(report, received.at);
        self.answered(received.at, true);
        self.check_again().await;
    }

    /// Remembers a report after which every slot and every bank is as the books have it.
    pub(super) fn settle(&mut self, report: &Report, snapshot: &Snapshot) {
        let books = self.context.banks.at(self.id());
        let mut named =
            snapshot.slots.iter().filter_map(|(key, row)| Some((key, row.sn.as_ref()?)));
        let agrees = self.is_quiet() && named.all(|(key, sn)| books.get(key) == Some(sn));
        self.settled = agrees.then(|| Settled {
            digest: digest(report),
            changes: self.context.banks.changes(self.id()),
        });
    }

    /// No command, no claim and no write is under way that a report might decide or change.
    fn is_quiet(&self) -> bool {
        self.confirmed
            && self.lane.is_quiet()
            && self.check.has_no_doubt()
            && self.moving.is_empty()
            && self.row_write == RowWrite::Idle
    }

    fn flush_heard(&mut self, report: &Report, at: DateTime<Utc>) {
        self.seq += 1;
        self.context.flusher.station(StationNews {
            station: self.id(),
            seq: self.seq,
            heard_at: Some(at),
            reported_at: Some(at),
            whole_at: self.whole_at,
            signal: report.signal.map(|signal| serde_json::json!(signal)),
            backup: None,
        });
    }
}

/// Of all that is read of a report: what a cabinet measures besides makes no difference.
fn digest(report: &Report) -> u64 {
    let mut hasher = DefaultHasher::new();
    report.exact.hash(&mut hasher);
    for slot in report.slots.iter().chain(&report.stray) {
        (slot.key, slot.state, &slot.sn).hash(&mut hasher);
        (slot.level, slot.temperature, slot.switch_open).hash(&mut hasher);
    }
    (report.slots.len(), report.stray.len()).hash(&mut hasher);
    hasher.finish()
}
