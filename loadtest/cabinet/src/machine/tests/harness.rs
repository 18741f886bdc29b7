//! A machine, its clock, and a server that answers it.

use devices::a8::A8;
use devices::{Codec, EjectReply, Report, Uplink};

use super::super::*;
use crate::calls::HttpCall;
use crate::events::Seen;
use crate::layout::Layout;
use crate::timing::Timing;

pub const UUID: &str = "860000000000017";
pub const UPDATE: &str = "/powerbank/860000000000017/user/update";
const EPOCH_MS: i64 = 1_700_000_000_000;

/// A cabinet on the bench.
pub struct Bench {
    pub machine: Machine,
    up: Duration,
    /// Whether the echo of heartbeats comes back.
    pub echoes: bool,
    /// Whether the server knows the cabinet.
    pub known: bool,
    pub published: Vec<(String, Bytes)>,
    pub calls: Vec<HttpCall>,
    pub dials: Vec<Dial>,
    pub hang_ups: Vec<HangUp>,
}

/// Real timing, 4 slots, banks 1001 in slot 1 and 1002 in slot 2.
pub fn spec() -> Spec {
    Spec::new(UUID, "http://cabinet.test")
        .layout(Layout::counted(&[4]))
        .with_banks(["1001", "1002"])
        .timing(Timing { charge_percent: None, ..Timing::real() })
}

impl Bench {
    pub fn off(spec: Spec) -> Bench {
        Bench {
            machine: Machine::new(spec),
            up: Duration::ZERO,
            echoes: true,
            known: true,
            published: Vec::new(),
            calls: Vec::new(),
            dials: Vec::new(),
            hang_ups: Vec::new(),
        }
    }

    /// With power, and long enough on for the first report to be past.
    pub fn online(spec: Spec) -> Bench {
        let mut bench = Bench::off(spec);
        bench.tell(|machine, now| machine.power(now, true));
        bench.pass(Duration::from_secs(100));
        assert_eq!(bench.machine.phase(), Phase::Online);
        bench.forget();
        bench
    }

    pub fn now(&self) -> Now {
        let unix_ms = EPOCH_MS + i64::try_from(self.up.as_millis()).expect("a short test");
        Now { up: self.up, unix_ms }
    }

    /// Tells the machine something and does what it asks for.
    pub fn tell<R>(&mut self, act: impl FnOnce(&mut Machine, Now) -> R) -> R {
        let now = self.now();
        let result = act(&mut self.machine, now);
        self.serve();
        result
    }

    /// Lets time pass, stopping wherever something is due.
    pub fn pass(&mut self, time: Duration) {
        let end = self.up + time;
        while let Some(due) = self.machine.due().filter(|due| *due <= end) {
            self.up = self.up.max(due);
            self.tell(Machine::tick);
        }
        self.up = end;
    }

    pub fn pass_secs(&mut self, secs: u64) {
        self.pass(Duration::from_secs(secs));
    }

    /// A message of the server on the command topic.
    pub fn command(&mut self, text: &str) {
        let topic = format!("/powerbank/{UUID}/user/get");
        self.tell(|machine, now| machine.message(now, &topic, text.as_bytes()));
    }

    /// Asks for a bank by its serial.
    pub fn eject(&mut self, sn: &str) {
        self.command(&format!(r#"{{"cmd":"popup_sn","data":"{sn}"}}"#));
    }

    /// Frames on the update topic, read by the service's codec.
    pub fn uplinks(&self) -> Vec<Uplink> {
        let frames = self.published.iter().filter(|(topic, _)| topic == UPDATE);
        frames.map(|(_, frame)| A8::default().decode(frame).expect("a good frame")).collect()
    }

    /// The only answer to an eject so far.
    pub fn reply(&self) -> EjectReply {
        let mut replies = self.uplinks().into_iter().filter_map(|uplink| {
            if let Uplink::Ejected(reply) = uplink { Some(reply) } else { None }
        });
        let reply = replies.next().expect("an answer");
        assert_eq!(replies.next(), None);
        reply
    }

    /// The last report over HTTP.
    pub fn report(&self) -> Report {
        let call = self.calls.iter().rfind(|call| call.kind == CallKind::Report);
        let body = call.and_then(|call| call.body.clone()).expect("a report");
        let Ok(Uplink::Report(report)) = A8::default().decode(&body) else {
            panic!("no report: {body:?}")
        };
        report
    }

    pub fn count(&self, kind: CallKind) -> usize {
        self.calls.iter().filter(|call| call.kind == kind).count()
    }

    pub fn events(&self) -> Vec<&Event> {
        self.machine.log().all().map(|Seen { event, .. }| event).collect()
    }

    /// Forgets what came out so far.
    pub fn forget(&mut self) {
        self.published.clear();
        self.calls.clear();
        self.dials.clear();
        self.hang_ups.clear();
    }

    fn serve(&mut self) {
        loop {
            let actions: Vec<Action> = self.machine.drain().collect();
            if actions.is_empty() {
                return;
            }
            for action in actions {
                self.perform(action);
            }
        }
    }

    fn perform(&mut self, action: Action) {
        let now = self.now();
        match action {
            Action::Call(call) => {
                let answer = answer(call.kind, self.known);
                self.machine.answered(now, call.kind, Ok(answer));
                self.calls.push(call);
            }
            Action::DropCalls => {}
            Action::Dial(dial) => {
                self.machine.session_up(now, false, Vec::new());
                self.dials.push(*dial);
            }
            Action::HangUp(how) => self.hang_ups.push(how),
            Action::Publish { topic, payload } => {
                if self.echoes && topic.ends_with("/heart") {
                    self.machine.message(now, &topic, &payload);
                }
                self.published.push((topic, payload));
            }
        }
    }
}

fn answer(call: CallKind, known: bool) -> HttpAnswer {
    let access =
        r#"{"code":200,"data":"860000000000017,powerbank,10.0.0.1,1883,u,p,1700000000000"}"#;
    let body = match call {
        _ if !known => r#"{"code":500,"data":null}"#,
        CallKind::Connect => access,
        CallKind::Config => r#"{"code":200,"data":"{\"dAreaConfig\":\"73\"}"}"#,
        CallKind::Report | CallKind::Return | CallKind::Adverts | CallKind::Firmware => {
            r#"{"code":200,"data":""}"#
        }
    };
    HttpAnswer { status: if known { 200 } else { 500 }, body: Bytes::from(body) }
}
