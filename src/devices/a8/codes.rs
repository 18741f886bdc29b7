//! The code tables (docs/PROTOCOL.md 7): what a byte is called, and what it proves.
//!
//! Whatever a table does not list is never good news: not free, not out, not accepted.

use domain::eject::{EjectOutcome, NotOutReason};
use domain::returns::ReturnResult;
use domain::slot::{SlotFault, SlotState};

#[cfg(test)]
mod tests;

/// Table 7.1.
pub(crate) fn slot_state(code: u8) -> SlotState {
    match code {
        0x00 => SlotState::Empty,
        0x01 => SlotState::Normal,
        0x02 => SlotState::Fault(SlotFault::Charging),
        0x03 => SlotState::Fault(SlotFault::Communication),
        0x04 => SlotState::Fault(SlotFault::Jammed),
        0x05 => SlotState::Fault(SlotFault::SpringForced),
        0x06 => SlotState::Fault(SlotFault::LatchNotHome),
        0x08 => SlotState::Fault(SlotFault::AntiTheft),
        0x09 => SlotState::Fault(SlotFault::TypeCShort),
        0x0A => SlotState::Fault(SlotFault::ReturnStuck),
        other => SlotState::Reserved(other),
    }
}

/// Names of table 7.1.
pub(crate) fn slot_state_name(code: u8) -> &'static str {
    match code {
        0x00 => "empty",
        0x01 => "ok",
        0x02 => "charge_fault",
        0x03 => "comm_fault",
        0x04 => "jammed",
        0x05 => "spring_forced",
        0x06 => "latch_not_home",
        0x08 => "antitheft_failed",
        0x09 => "typec_short",
        0x0A => "return_failed_not_pushed_out",
        _ => "reserved",
    }
}

/// Table 7.2. Only 01 is success, and only the listed refusals are "not out".
pub(crate) fn eject_outcome(code: u8) -> EjectOutcome {
    match code {
        0x01 => EjectOutcome::Out,
        0x12 => EjectOutcome::NotOut(NotOutReason::StillReadable),
        0x87 => EjectOutcome::NotOut(NotOutReason::NoClock),
        0x88 => EjectOutcome::NotOut(NotOutReason::TooLate),
        0xFB => EjectOutcome::NotOut(NotOutReason::NoSuitableBank),
        0xFC => EjectOutcome::NotOut(NotOutReason::UnknownBank),
        0xFD => EjectOutcome::NotOut(NotOutReason::QueueFull),
        0xFE => EjectOutcome::Busy,
        0xFF => EjectOutcome::NotOut(NotOutReason::NotUnderstood),
        other => EjectOutcome::Verify(other),
    }
}

/// Names of table 7.2.
pub(crate) fn eject_state_name(code: u8) -> &'static str {
    match code {
        0x00 => "failed",
        0x01 => "ejected",
        0x11 => "serial_timeout",
        0x12 => "not_ejected_sn_readable",
        0x87 => "no_clock",
        0x88 => "ttl_expired",
        0xFB => "no_suitable_bank",
        0xFC => "sn_not_found",
        0xFD => "queue_full",
        0xFE => "previous_eject_running",
        0xFF => "command_parse_failed",
        _ => "unknown",
    }
}

/// What an outcome is called in decoder output. The command that FE answers did nothing and an
/// earlier one decides, which nobody knows from this frame: verify.
pub(crate) fn outcome_name(outcome: EjectOutcome) -> &'static str {
    match outcome {
        EjectOutcome::Out => "ejected",
        EjectOutcome::NotOut(_) => "not_ejected",
        EjectOutcome::Busy | EjectOutcome::Verify(_) => "verify",
    }
}

/// Table 7.3. A motor failure on top (21 to 23) leaves the bank where 11, 12 and 14 leave it.
pub(crate) fn return_result(code: u8) -> ReturnResult {
    match code {
        0x01 => ReturnResult::Accepted,
        0x03 => ReturnResult::AcceptedSwitchBroken,
        0x11..=0x14 | 0x21..=0x23 => ReturnResult::Unidentified(code),
        other => ReturnResult::Rejected(other),
    }
}

/// Names of table 7.3.
pub(crate) fn return_state_name(code: u8) -> &'static str {
    match code {
        0x00 => "failed",
        0x01 => "returned",
        0x02 => "rejected_pushed_out",
        0x03 => "returned_switch_broken",
        0x06 => "motor_not_home",
        0x10 => "area_code_mismatch",
        0x11 => "sn_read_failed",
        0x12 => "voltage_temperature_read_failed",
        0x13 => "version_read_failed",
        0x14 => "lock_failed",
        0x21 => "sn_read_failed_motor_failed",
        0x22 => "voltage_temperature_read_failed_motor_failed",
        0x23 => "lock_failed_motor_failed",
        0x24 => "antitheft_switch_failed_selfcheck_follows",
        _ => "unknown",
    }
}

/// Names of table 7.4; diagnosis only.
pub(crate) fn solenoid_name(code: u8) -> &'static str {
    match code {
        0x00 | 0x07 => "jam_or_damage",
        0x01 => "shaken",
        0x02 => "normal_eject",
        0x03..=0x05 => "undefined",
        0x06 => "rent_ok",
        _ => "reserved",
    }
}
