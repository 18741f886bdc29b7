//! All of `vectors.json`, entry by entry.

use serde_json::{Value, json};

use super::{file, frames};
use crate::a8::http::answer::ConnectAnswer;
use crate::a8::http::{AdvertCall, ConfigCall, ConnectCall, FirmwareCall, FirmwarePath};
use crate::a8::http::{ReportCall, ReturnCall};
use crate::a8::sign::{Signature, sign, signed_text};
use crate::a8::{A8, ChecksumRule, describe};
use crate::{Codec, Uplink};

#[test]
fn every_frame_is_described_as_expected() {
    for (id, bytes, entry) in frames() {
        let described = serde_json::to_value(describe(&bytes)).unwrap();
        for (name, expected) in entry["expect"].as_object().unwrap() {
            assert_eq!(&described[name], expected, "{id} {name}");
        }
        assert_eq!(described["ok"], described["error"].is_null(), "{id}");
    }
}

#[test]
fn every_assertion_about_a_frame_holds() {
    for (id, bytes, entry) in frames() {
        let described = serde_json::to_value(describe(&bytes)).unwrap();
        for (path, expected) in entry["assert"].as_object().unwrap() {
            let pointer = format!("/decoded/{}", path.replace('.', "/"));
            assert_eq!(described.pointer(&pointer), Some(expected), "{id} {path}");
        }
    }
}

#[test]
fn the_codec_and_the_decoder_agree_on_every_frame() {
    let codec = A8::default();
    for (id, bytes, entry) in frames() {
        let expected = &entry["expect"];
        match codec.decode(&bytes) {
            Ok(uplink) => {
                assert_eq!(expected["ok"], true, "{id}");
                check_agrees(&id, &uplink, &serde_json::to_value(describe(&bytes)).unwrap());
            }
            Err(error) => {
                assert_eq!(expected["error"], error.code(), "{id}");
                assert_eq!(expected["detail"], error.to_string(), "{id}");
            }
        }
    }
}

#[test]
fn a_lenient_codec_reads_what_only_the_checksum_forbids() {
    let codec = A8 { checksum: ChecksumRule::Ignore };
    for (id, bytes, entry) in frames() {
        let readable = entry["expect"]["ok"] == true || entry["expect"].get("lenient").is_some();
        assert_eq!(codec.decode(&bytes).is_ok(), readable, "{id}");
    }
}

#[test]
fn every_signature_is_computed() {
    for entry in file()["signatures"].as_array().unwrap() {
        let params: Vec<(&str, &str)> = params(entry);
        assert_eq!(signed_text(&params), entry["signed_text"], "{}", entry["id"]);
        assert_eq!(sign(&params), entry["sign"], "{}", entry["id"]);
    }
}

#[test]
fn every_signed_call_is_recognised() {
    for entry in file()["signatures"].as_array().unwrap() {
        let mut query: Vec<String> =
            params(entry).iter().map(|(name, value)| format!("{name}={value}")).collect();
        query.push(format!("sign={}", entry["sign"].as_str().unwrap()));
        let query = query.join("&").replace(':', "%3A");
        let signature = match entry["id"].as_str().unwrap() {
            "S01" => ConnectCall::parse(&query, "").unwrap().signature,
            "S02" => ConfigCall::parse(&query).unwrap().signature,
            "S03" => ReportCall::parse(&query).unwrap().signature,
            "S04" => AdvertCall::parse(&query).unwrap().signature,
            "S06" => ReturnCall::parse(&query).unwrap().signature,
            "S07" => FirmwareCall::parse(FirmwarePath::Published, &query).unwrap().signature,
            other => panic!("no call for {other}"),
        };
        assert_eq!(signature, Signature::Good, "{}", entry["id"]);
    }
}

#[test]
fn every_connect_answer_reads_and_writes() {
    for entry in file()["connect_responses"].as_array().unwrap() {
        let line = entry["data"].as_str().unwrap();
        let answer = ConnectAnswer::parse(line).unwrap();
        let parsed = json!({
            "clientId": answer.client_id, "productKey": answer.product_key, "host": answer.host,
            "port": answer.port.to_string(), "username": answer.username,
            "password": answer.password, "timestamp": answer.time.to_string(),
        });
        assert_eq!(parsed, entry["parsed"]);
        assert_eq!(answer.line().unwrap(), line);
    }
}

/// The frames of another family of cabinets: were one taken for a reply, a bank would be
/// thought out, or in.
#[test]
fn no_frame_of_another_family_is_taken_for_one_of_this() {
    let entries = file()["relink"].as_array().unwrap().clone();
    assert_eq!(entries.len(), 4);
    for entry in entries {
        let id = entry["id"].as_str().unwrap();
        let bytes = hex::decode(entry["hex"].as_str().unwrap()).unwrap();
        let code = u8::from_str_radix(&entry["cmd"].as_str().unwrap()[2..], 16).unwrap();
        assert_eq!(bytes[2], code, "{id}");
        for checksum in [ChecksumRule::Refuse, ChecksumRule::Ignore] {
            let refused = A8 { checksum }.decode(&bytes).unwrap_err();
            assert_eq!(refused.code(), "bad_head", "{id}");
        }
        let described = serde_json::to_value(describe(&bytes)).unwrap();
        assert_eq!(described["ok"], false, "{id}");
        assert_eq!(described["error"], "bad_head", "{id}");
        assert!(described["lenient"].is_null(), "{id}");
    }
}

fn params(entry: &Value) -> Vec<(&str, &str)> {
    let params = entry["params"].as_object().unwrap();
    params.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect()
}

/// Both views come from the same reading; these fields must say the same.
fn check_agrees(id: &str, uplink: &Uplink, described: &Value) {
    let decoded = &described["decoded"];
    let sn = |sn: &Option<domain::ids::Sn>| json!(sn);
    match uplink {
        Uplink::Report(report) => {
            assert_eq!(decoded["layout"], report.layout.as_str(), "{id}");
            assert_eq!(decoded["fitted_slots"], report.slots.len() + report.stray.len(), "{id}");
            let rows = report.slots.len() + report.stray.len() + usize::from(report.phantom);
            assert_eq!(decoded["slot_count"], rows, "{id}");
            let occupied = report.slots.iter().filter(|slot| slot.sn.is_some()).count();
            assert_eq!(decoded["occupied"], occupied, "{id}");
            assert!(report.is_whole(), "{id}: every report of the file is whole");
        }
        Uplink::Ejected(reply) => {
            assert_eq!(decoded["state"], reply.code, "{id}");
            assert!(reply.key.is_some() || decoded["sn"] == sn(&reply.sn), "{id}");
        }
        Uplink::Returned(event) => {
            assert_eq!(decoded["sn"], sn(&event.sn), "{id}");
            assert_eq!(decoded["soc"], json!(event.level), "{id}");
            assert_eq!(decoded["accepted"], event.result.is_accepted(), "{id}");
        }
        Uplink::Inspected(slot) => {
            assert_eq!(decoded["sn"], sn(&slot.sn), "{id}");
            assert_eq!(decoded["cell_mv"], json!(slot.cell_mv), "{id}");
        }
        Uplink::Heartbeat(_) => assert_eq!(decoded["type"], "heartbeat", "{id}"),
        Uplink::WifiList(ssids) => assert_eq!(decoded["ssids"], json!(ssids), "{id}"),
        Uplink::Opaque { kind } => assert_eq!(decoded["type"], *kind, "{id}"),
    }
}
