//! Aligned tables for people. Columns are as wide as their widest cell; nothing is cut.

use std::fmt::{self, Display};

#[cfg(test)]
mod tests;

/// Between two columns.
const GAP: &str = "  ";

/// Rows below a head. Displays as lines; an empty one says so.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
    /// Columns whose cells end where the column ends: numbers.
    right: Vec<usize>,
}

impl Table {
    pub fn new<const N: usize>(head: [&str; N]) -> Table {
        Table { rows: vec![head.map(str::to_uppercase).to_vec()], right: Vec::new() }
    }

    /// Aligns the columns with these heads to the right.
    #[must_use]
    pub fn numbers<const N: usize>(mut self, heads: [&str; N]) -> Table {
        let at = |head: &str| self.rows[0].iter().position(|name| *name == head.to_uppercase());
        self.right = heads.iter().filter_map(|head| at(head)).collect();
        self
    }

    /// One cell for each column of the head.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        debug_assert_eq!(N, self.rows[0].len());
        self.rows.push(cells.to_vec());
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows[0].len();
        let wide = |at: usize| self.rows.iter().map(|row| width(&row[at])).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(wide).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).enumerate().map(|(at, (cell, wide))| {
                let pad = " ".repeat(wide - width(cell));
                if self.right.contains(&at) {
                    format!("{pad}{cell}")
                } else {
                    format!("{cell}{pad}")
                }
            });
            writeln!(f, "{}", cells.collect::<Vec<_>>().join(GAP).trim_end())?;
        }
        if self.rows.len() == 1 {
            writeln!(f, "none")?;
        }
        Ok(())
    }
}

/// Names and their values, one pair a line, the values below each other.
pub fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let pairs: Vec<(&str, String)> = pairs.into_iter().collect();
    let wide = pairs.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| {
        let pad = " ".repeat(wide - width(name));
        format!("{}\n", format!("{name}{pad}{GAP}{value}").trim_end())
    };
    pairs.iter().map(line).collect()
}

/// A cell for a value that may not be there.
pub fn cell<T: Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Characters, which is what a terminal counts for the scripts that stand in our rows.
fn width(text: &str) -> usize {
    text.chars().count()
}
