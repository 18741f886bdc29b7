//! Tables are aligned and complete.

use super::*;

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let mut table = Table::new(["serial", "banks", "name"]).numbers(["banks"]);
    table.row(["KTM-1".to_owned(), "12".to_owned(), "Thamel".to_owned()]);
    table.row(["KTM-100".to_owned(), "3".to_owned(), String::new()]);

    let text = table.to_string();

    assert_eq!(text, "SERIAL   BANKS  NAME\nKTM-1       12  Thamel\nKTM-100      3\n");
}

#[test]
fn a_table_without_rows_says_so() {
    assert_eq!(Table::new(["serial", "banks"]).to_string(), "SERIAL  BANKS\nnone\n");
}

#[test]
fn letters_of_two_bytes_do_not_shift_a_column() {
    let mut table = Table::new(["name", "at"]);
    table.row(["काठमाडौँ".to_owned(), "1".to_owned()]);

    let text = table.to_string();

    let columns: Vec<usize> =
        text.lines().map(|line| line.chars().rev().position(|c| c == ' ').unwrap()).collect();
    assert_eq!(columns, [2, 1]);
}

#[test]
fn pairs_stand_below_each_other() {
    let text = pairs([("id", "1".to_owned()), ("opened", "today".to_owned())]);

    assert_eq!(text, "id      1\nopened  today\n");
    assert_eq!(cell::<u8>(None), "-");
}
