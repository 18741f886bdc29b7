//! How figures of the service are read.

use super::Figures;

#[test]
fn series_are_summed_by_label() {
    let figures = Figures::parse(
        "# TYPE a counter\na_total{kind=\"x\",b=\"1\"} 3\na_total{kind=\"y\"} 4\nb 1.5\n",
    );
    assert_eq!(figures.sum("a_total", "").to_string(), "7");
    assert_eq!(figures.sum("a_total", "kind=\"x\"").to_string(), "3");
    assert_eq!(figures.sum("b", "").to_string(), "1.5");
    assert_eq!(figures.sum("c", "").to_string(), "0");
}
