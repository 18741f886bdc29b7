//! The printed page, read back by the letters of its font.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::ids::InvoiceId;
use domain::invoice::{Draft, Line, Seller, Series};
use domain::ledger::vat_in;
use domain::money::Money;
use domain::rental::{Event, Phase, Rental, Terms};
use domain::tariff::LateFee;
use domain::tender::Spent;
use ttf_parser::Face;
use uuid::Uuid;

use super::{ReceiptBody, RentalBody, pdf};
use crate::http::rentals::tests::view;
use crate::store::invoices::Document;
use crate::store::views::rentals::RentalView;

#[test]
fn the_page_says_what_the_invoice_says_and_only_a_second_print_is_a_copy() {
    let first = text(&pdf::page(&invoice(), &view(), 1).unwrap());
    let third = text(&pdf::page(&invoice(), &view(), 3).unwrap());

    for wanted in
        ["CG-KTM-83/84-000123", "2083.08.06", "Rs 50.00", "VAT 13 %", "Rs 5.75", "Tax invoice"]
    {
        assert!(first.contains(wanted), "{wanted}: {first}");
    }
    assert!(!first.contains("Copy of Original"));
    assert!(third.contains("Copy of Original (2)"), "{third}");
}

#[test]
fn a_name_that_the_font_can_not_write_is_replaced_by_the_serial() {
    let mut view = view();
    view.station.name = "ठमेल".to_owned();
    let page = text(&pdf::page(&invoice(), &view, 1).unwrap());
    assert!(page.contains(&view.station.serial), "{page}");
}

/// Three hours late, made known by a report: the fee is cut, and the time is one of an interval.
#[test]
fn a_late_return_has_its_lines_and_its_interval_in_data_and_on_paper() {
    let view = late_view();
    let Phase::Completed { since, due_at, ended } = view.rental.phase.clone() else { panic!() };
    let (charged, free) = (ended.late.minutes_charged, 2);
    let vat = vat_in(ended.late.amount, Terms::default().vat_percent);
    let (collected, spent) = (Money::ZERO, Spent::default());
    let before = Rental {
        owed: Money::ZERO,
        phase: Phase::Overdue { since, due_at },
        ..view.rental.clone()
    };
    let returned = Event::Returned { ended, vat, collected, spent };
    let percent = Terms::default().vat_percent;
    let draft = Draft::closing(InvoiceId(Uuid::nil()), &before, &returned, percent, &seller());
    let invoice = issued(draft.unwrap());

    let page = text(&pdf::page(&invoice, &view, 1).unwrap());
    let rental = RentalBody::of(&view.rental, |_| Some(view.station.clone()), view.created_at);
    let body = ReceiptBody { invoice: invoice.into(), credit_notes: vec![], rental };
    let body = serde_json::to_value(body).unwrap();

    let (late, grace) =
        (format!("Late minutes, {charged} minutes"), "Free minutes after the due time");
    for wanted in [
        "1 hour, 60 minutes",
        "Rs 50.00",
        &format!("{grace}, {free} minutes"),
        "Rs 0.00",
        &late,
        "Rs 313.33",
        "Largest late fee per day",
        "Rs -213.33",
        "Rs 132.75",
        "Rs 17.25",
        "Rs 150.00",
        "Returned between, billed to the first",
        "2026-11-22 21:55 to 2026-11-22 21:58",
    ] {
        assert!(page.lines().any(|line| line == wanted), "{wanted}: {page}");
    }
    let lines: Vec<(&str, &str)> = body["invoice"]["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["label"].as_str().unwrap(), line["amount"].as_str().unwrap()))
        .collect();
    let wanted = [
        ("1 hour", "50.00"),
        (grace, "0.00"),
        ("Late minutes", "313.33"),
        ("Largest late fee per day", "-213.33"),
    ];
    assert_eq!(lines, wanted);
    let interval = &body["rental"]["return_interval"];
    let ends = [&interval["earliest"], &interval["latest"]];
    assert_eq!(ends, ["2026-11-22T16:10:00Z", "2026-11-22T16:13:00Z"]);
    let sums = [&body["invoice"]["amount"], &body["invoice"]["vat"]];
    assert_eq!(sums, ["150.00", "17.25"]);
}

#[test]
fn what_costs_nothing_or_has_not_ended_has_no_invoice() {
    let view = late_view();
    let at_once = Event::ReturnedAtOnce {
        at: view.created_at,
        station: view.station.id,
        key: None,
        vat: Money::ZERO,
    };
    let percent = Terms::default().vat_percent;
    let id = InvoiceId(Uuid::nil());
    assert_eq!(Draft::closing(id, &view.rental, &at_once, percent, &seller()), None);
}

fn late_view() -> RentalView {
    let mut view = view();
    let Phase::Completed { due_at, ended, .. } = &mut view.rental.phase else { panic!() };
    ended.at = *due_at + TimeDelta::minutes(190);
    ended.learnt_at = ended.at + TimeDelta::minutes(3);
    ended.late = LateFee::standard().charge(&view.rental.package, *due_at, ended.at);
    view.rental.owed = ended.late.amount;
    view
}

/// As the store gives it back.
fn issued(draft: Draft) -> Document {
    let Draft { amount, vat, lines, seller, .. } = draft;
    Document { amount, vat, taxable: amount.minus(vat), lines, seller, ..invoice() }
}

fn seller() -> Seller {
    invoice().seller
}

fn invoice() -> Document {
    let line = Line { label: "1 hour".into(), minutes: Some(60), amount: Money::rupees(50) };
    Document {
        id: InvoiceId(Uuid::nil()),
        series: Series::Invoice,
        number: "CG-KTM-83/84-000123".into(),
        corrects: None,
        reason: None,
        issued_at: "2026-11-22T08:20:00Z".parse().unwrap(),
        issued_on: "2083.08.06".into(),
        amount: Money::rupees(50),
        taxable: Money::parse("44.25").unwrap(),
        vat: Money::parse("5.75").unwrap(),
        seller: Seller {
            branch: "CG-KTM".into(),
            name: "ChargeGhar".into(),
            address: "Kathmandu, Nepal".into(),
            pan: "999999999".into(),
        },
        lines: vec![line],
        prints: 0,
    }
}

/// The strings of the page, one on each line.
fn text(pdf: &[u8]) -> String {
    let font = include_bytes!("DejaVuSans-latin.ttf");
    let face = Face::parse(font, 0).unwrap();
    let letters: BTreeMap<u16, char> =
        (' '..='\u{25a1}').filter_map(|c| Some((face.glyph_index(c)?.0, c))).collect();
    let begin = find(pdf, b"BT\n").unwrap();
    let end = find(&pdf[begin..], b"endstream").unwrap() + begin;
    let mut shown = String::new();
    let mut rest = &pdf[begin..end];
    while let Some(at) = find(rest, b" Tj") {
        let line = rest[..at].rsplit(|byte| *byte == b'\n').next().unwrap();
        let bytes = string(line);
        let pairs = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        shown.extend(pairs.map(|glyph| letters[&glyph]));
        shown.push('\n');
        rest = &rest[at + 3..];
    }
    shown
}

/// A string of PDF: hex digits, or bytes with escapes.
fn string(written: &[u8]) -> Vec<u8> {
    if let Some(digits) = written.strip_prefix(b"<") {
        return hex::decode(&digits[..digits.len() - 1]).unwrap();
    }
    let inner = &written[1..written.len() - 1];
    let mut bytes = Vec::new();
    let mut rest = inner.iter();
    while let Some(byte) = rest.next() {
        let escaped = (*byte == b'\\').then(|| rest.next().unwrap());
        bytes.push(match escaped {
            None => *byte,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(first @ b'0'..=b'7') => {
                octal([*first, *rest.next().unwrap(), *rest.next().unwrap()])
            }
            Some(other) => *other,
        });
    }
    bytes
}

fn octal(digits: [u8; 3]) -> u8 {
    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 8).unwrap()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
