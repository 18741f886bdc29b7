//! A cabinet simulator: behaves as a real one over HTTP and MQTT, with faults on a script.
//!
//! `Fleet` starts cabinets, `Cabinet` is the handle to one, `Spec` says what it is. Inside,
//! `machine` decides without I/O, `driver` carries its actions out.

pub mod bank;
pub mod cabinet;
pub mod calls;
pub mod clock;
pub mod events;
pub mod faults;
pub mod fleet;
pub mod layout;
pub mod machine;
pub mod numbered;
pub mod rack;
pub mod script;
pub mod spec;
pub mod timing;

mod command;
mod driver;
mod frames;
mod http;
mod mqtt;
mod shared;
mod spawn;
mod timers;

pub use bank::Bank;
pub use cabinet::{Cabinet, Events, NotInTime};
pub use calls::{CallError, CallKind, HttpAnswer, HttpCall};
pub use events::{Counts, Event, LostWhy, Observer, RebootCause, Seen};
pub use faults::{Fault, Faults, FrameKind, Rule, Switches};
pub use fleet::Fleet;
pub use layout::Layout;
pub use machine::{Phase, Snapshot};
pub use rack::InsertError;
pub use script::{Cut, Script, ScriptError};
pub use spec::{Generation, Qos, ReturnForm, Spec};
pub use timing::Timing;
