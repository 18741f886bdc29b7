//! Numbers and tables, and which part of a document is replaced.

use super::*;

#[test]
fn the_median_of_an_even_number_is_between_the_middle_two() {
    let spread = Spread::of([4.0, 1.0, 3.0, 2.0]).unwrap();
    assert_eq!((spread.min, spread.median, spread.max, spread.runs), (1.0, 2.5, 4.0, 4));
    assert_eq!(Spread::of([]), None);
}

#[test]
fn numbers_have_three_digits_or_thousands_apart() {
    let shown = [0.1234, 9.999, 42.42, 999.6, 1_234_567.0].map(number);
    assert_eq!(shown, ["0.12", "10.00", "42.4", "1,000", "1,234,567"]);
}

#[test]
fn a_figure_is_held_against_its_limit() {
    let mut section = Section::new("reads", "Reads");
    section.row("list", "req/s", [50.0], [100.0]);
    section.row("cost", "µs", [300.0], [100.0]);
    section.row("nothing", "µs", [], [100.0]);
    let text = section.text();
    assert!(text.contains("50 %") && text.contains("3.0×"), "{text}");
    assert!(!text.contains("nothing"), "{text}");
}

#[test]
fn a_ratio_is_that_of_each_pair_with_its_spread() {
    let mut section = Section::new("reads", "Reads");
    // a slow minute of the machine slows both of a pair
    section.row("list", "req/s", [50.0, 10.0, 66.0], [100.0, 20.0, 110.0]);
    section.row("uneven", "req/s", [30.0, 30.0], [60.0]);
    let text = section.text();
    assert!(text.contains("50 % (50 % to 60 %)"), "{text}");
    assert!(text.lines().any(|line| line.ends_with("50 %")), "{text}");
}

#[test]
fn only_the_own_part_of_a_document_is_replaced() {
    let text = "a\n<!-- bench:x -->\nold\n<!-- /bench:x -->\nb <!-- bench:y -->\n";
    let new = replaced(text, "x", "new\n").unwrap();
    assert_eq!(new, "a\n<!-- bench:x -->\n\nnew\n\n<!-- /bench:x -->\nb <!-- bench:y -->\n");
    assert_eq!(replaced(&new, "x", "new\n").unwrap(), new);
    assert!(replaced(text, "z", "new").is_err());
}
