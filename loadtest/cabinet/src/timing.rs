//! How long everything takes: the periods a real cabinet keeps, and how they are sped up.
//! Nothing else in this package holds a duration of its own.

use std::time::Duration;

#[cfg(test)]
mod tests;

/// The periods and delays of one cabinet. `None` means never.
///
/// Sources: section 10 of the protocol page where it says something, else what keeps a real
/// cabinet's order of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From power to the first connect call.
    pub boot: Duration,
    /// From the first session after a boot to the first whole report.
    pub first_report: Option<Duration>,
    /// From a session that came back without a boot to the next report.
    pub reconnect_report: Option<Duration>,
    /// Between whole reports over HTTP.
    pub report: Option<Duration>,
    /// From the first session after a boot to the first heartbeat.
    pub first_heartbeat: Option<Duration>,
    /// Between heartbeats.
    pub heartbeat: Option<Duration>,
    /// From the first session after a boot to the first request for adverts.
    pub first_adverts: Option<Duration>,
    /// Between requests for adverts.
    pub adverts: Option<Duration>,
    /// From a question to its answer (report, `WiFi` list, refused eject).
    pub answer: Duration,
    /// From an accepted eject to the bank lying in the opening.
    pub eject: Duration,
    /// From the bank's release to the answer.
    pub eject_reply: Duration,
    /// How long after a release reports still show the bank in its slot.
    pub settle: Duration,
    /// From a bank's insertion to the return event.
    pub insert: Duration,
    /// From the return event to the HTTP return.
    pub http_return: Duration,
    /// From the return event, or from being online again, to a self-check event.
    pub self_check: Duration,
    /// From a return with state 24 to its self-check event.
    pub late_self_check: Duration,
    /// First and longest pause between attempts to reach the server.
    pub retry_min: Duration,
    pub retry_max: Duration,
    /// One percent of charge.
    pub charge_percent: Option<Duration>,
    /// MQTT keep alive; never sped up below one second, which is its unit.
    pub keep_alive: Duration,
    /// An HTTP call that takes longer has failed. Never sped up.
    pub http_timeout: Duration,
    /// So has the way from a connection to the broker to its subscriptions. Never sped up.
    pub mqtt_timeout: Duration,
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

impl Timing {
    /// As a real cabinet.
    pub fn real() -> Timing {
        Timing {
            boot: secs(20),
            first_report: Some(secs(60)),
            reconnect_report: Some(secs(60)),
            report: Some(secs(20 * 60)),
            first_heartbeat: Some(secs(10 * 60)),
            heartbeat: Some(secs(10 * 60)),
            first_adverts: Some(secs(60)),
            adverts: Some(secs(20 * 60)),
            answer: millis(300),
            eject: millis(900),
            eject_reply: millis(150),
            settle: secs(3),
            insert: millis(500),
            http_return: millis(300),
            self_check: secs(2),
            late_self_check: secs(4 * 60),
            retry_min: secs(5),
            retry_max: secs(5 * 60),
            charge_percent: Some(secs(72)),
            keep_alive: secs(60),
            http_timeout: secs(10),
            mqtt_timeout: secs(15),
        }
    }

    /// A real cabinet whose clock runs `speed` times as fast.
    pub fn sped_up(speed: u32) -> Timing {
        Timing::real().faster(speed)
    }

    /// For tests: answers within milliseconds, one report right after coming online, and nothing
    /// else by itself (no periodic report, no heartbeat, no adverts, no charging).
    pub fn quick() -> Timing {
        Timing {
            boot: millis(1),
            first_report: Some(millis(10)),
            reconnect_report: Some(millis(10)),
            report: None,
            first_heartbeat: None,
            heartbeat: None,
            first_adverts: None,
            adverts: None,
            answer: millis(2),
            eject: millis(10),
            eject_reply: millis(2),
            settle: millis(0),
            insert: millis(5),
            http_return: millis(5),
            self_check: millis(5),
            late_self_check: millis(50),
            retry_min: millis(20),
            retry_max: millis(200),
            charge_percent: None,
            keep_alive: secs(30),
            http_timeout: secs(10),
            mqtt_timeout: secs(15),
        }
    }

    /// Every period and delay divided by `speed` (0 counts as 1), but for keep alive, which has
    /// a floor of one second, and the two time limits.
    #[must_use]
    pub fn faster(self, speed: u32) -> Timing {
        let n = speed.max(1);
        let period = |d: Option<Duration>| d.map(|d| d / n);
        Timing {
            boot: self.boot / n,
            first_report: period(self.first_report),
            reconnect_report: period(self.reconnect_report),
            report: period(self.report),
            first_heartbeat: period(self.first_heartbeat),
            heartbeat: period(self.heartbeat),
            first_adverts: period(self.first_adverts),
            adverts: period(self.adverts),
            answer: self.answer / n,
            eject: self.eject / n,
            eject_reply: self.eject_reply / n,
            settle: self.settle / n,
            insert: self.insert / n,
            http_return: self.http_return / n,
            self_check: self.self_check / n,
            late_self_check: self.late_self_check / n,
            retry_min: self.retry_min / n,
            retry_max: self.retry_max / n,
            charge_percent: period(self.charge_percent),
            keep_alive: (self.keep_alive / n).max(secs(1)),
            http_timeout: self.http_timeout,
            mqtt_timeout: self.mqtt_timeout,
        }
    }

    /// Heartbeats every `period`, the first one right after coming online.
    #[must_use]
    pub fn heartbeats_every(self, period: Duration) -> Timing {
        Timing { first_heartbeat: Some(Duration::ZERO), heartbeat: Some(period), ..self }
    }

    /// Whole reports every `period`, the first one right after coming online.
    #[must_use]
    pub fn reports_every(self, period: Duration) -> Timing {
        Timing { first_report: Some(Duration::ZERO), report: Some(period), ..self }
    }
}

impl Default for Timing {
    fn default() -> Timing {
        Timing::real()
    }
}
