//! What a cabinet does when it is spoken to.

use super::{Due, Machine, Phase};
use crate::calls;
use crate::clock::Now;
use crate::command::Command;
use crate::events::{Event, RebootCause};
use crate::faults::Fault;

impl Machine {
    /// A message on one of the topics it listens to.
    pub fn message(&mut self, now: Now, topic: &str, payload: &[u8]) {
        if self.phase != Phase::Online {
            return;
        }
        if topic.ends_with("/heart") {
            return self.hear_heart(now, payload);
        }
        let raw = String::from_utf8_lossy(payload).into_owned();
        let Some(command) = Command::parse(payload) else {
            return self.note(now, Event::NotUnderstood { raw });
        };
        self.note(now, Event::Command { name: command.name.clone(), raw });
        self.cue(now, &command.name);
        let ignored = |fault: &Fault| {
            let Fault::Ignore { command: which } = fault else { return None };
            which.as_ref().is_none_or(|name| *name == command.name).then_some(())
        };
        if self.faults.strike(&mut self.chance, ignored).is_some() {
            return self.note(now, Event::Ignored { name: command.name });
        }
        self.obey(now, command);
    }

    fn obey(&mut self, now: Now, command: Command) {
        let answer = self.spec.timing.answer;
        match command.name.as_str() {
            "check" => self.after(now, answer, Due::CheckAnswer { may_list_five: true }),
            "check_all" => self.after(now, answer, Due::CheckAnswer { may_list_five: false }),
            "upload_all" => self.after(now, answer, Due::Upload),
            "popup_sn" => self.popup_sn(now, &command),
            "popup" => self.popup(now, &command),
            "load_ad" => self.fetch_adverts(now),
            "push_version_publish" | "push_version_test" => self.look_for_firmware(now),
            "reboot" => self.reboot(now, RebootCause::Command),
            "getWifi" => self.after(now, answer, Due::WifiAnswer),
            _ => self.settings.extend(command.settings()),
        }
    }

    /// Leaves the network, asks, finds nothing and starts anew.
    fn look_for_firmware(&mut self, now: Now) {
        self.reboot(now, RebootCause::Firmware);
        self.call(now, calls::firmware(self.spec.generation, &self.spec.uuid));
    }
}
