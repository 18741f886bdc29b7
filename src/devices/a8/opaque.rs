//! Commands that cabinets are known to send and whose payload is not documented
//! (docs/PROTOCOL.md 6.8). They are kept raw and never fail.

/// The name of a request byte, or of its answer, which is the request plus one.
pub(crate) fn name(command: u8) -> Option<&'static str> {
    listed(command).or_else(|| if command % 2 == 1 { listed(command - 1) } else { None })
}

fn listed(command: u8) -> Option<&'static str> {
    Some(match command {
        0x14 => "report_after_connect",
        0x16 => "report_before_rent",
        0x18 => "heartbeat_period",
        0x1A => "versions",
        0x1E => "rotation_charging",
        0x20 => "eject_by_slot_request",
        0x26 => "selfcheck_period",
        0x2A => "solenoid_check",
        0x2C => "area_code",
        0x2E => "head_code",
        0x30 => "eject_by_sn_request",
        0x32 => "board_configuration",
        0x34 => "apn",
        0x36 => "all_settings",
        0x38 => "slot_lock",
        0x3A => "module_fota",
        0x70 => "reset_adapter",
        0x72 => "reset_module",
        0x7C | 0x7D => "ping_delay",
        0x80 => "reset_board",
        0xA0 => "network_time",
        0xA2 | 0xA4 => "adapter_log",
        0xB0 => "upgrade",
        0xB1 => "version_check",
        0xB4..=0xB8 => "board_upgrade",
        0xC0 => "local_log",
        0xD1 => "board_serials",
        0xE0 => "host_updates_slave",
        0xF0 => "blink",
        _ => return None,
    })
}
