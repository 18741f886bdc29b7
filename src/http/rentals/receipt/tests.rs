//! The printed page, read back by the letters of its font.

use std::collections::BTreeMap;

use domain::ids::InvoiceId;
use domain::invoice::{Line, Seller, Series};
use domain::money::Money;
use ttf_parser::Face;
use uuid::Uuid;

use super::pdf;
use crate::http::rentals::tests::view;
use crate::store::invoices::Document;

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
