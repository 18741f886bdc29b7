//! The settings as a file for people: every key with its comment, in the order of the code.

use toml::{Table, Value};

use super::section::Field;
use super::{Config, SECTIONS};

pub(super) fn file(config: &Config) -> String {
    let values = Table::try_from(config).expect("every setting has a form in TOML");
    let mut lines = Vec::new();
    for (path, about, fields) in SECTIONS {
        if path.is_empty() {
            lines.extend(comment(about));
            lines.push(String::new());
        } else {
            lines.push(String::new());
            lines.extend(comment(about));
            lines.push(format!("[{path}]"));
        }
        let section = section(&values, path);
        for field in *fields {
            lines.extend(key(path, field, &section[field.key]));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The values of the section at `path`, whose parts are separated by dots.
pub(super) fn section<'a>(values: &'a Table, path: &str) -> &'a Table {
    let parts = path.split('.').filter(|part| !part.is_empty());
    parts.fold(values, |table, part| table[part].as_table().expect("a section is a table"))
}

/// The variable of the environment for a key.
pub(super) fn variable(path: &str, key: &str) -> String {
    let parts = path.split('.').filter(|part| !part.is_empty()).chain([key]);
    parts.fold("CHARGEGHAR".to_owned(), |name, part| format!("{name}__{}", part.to_uppercase()))
}

fn key(path: &str, field: &Field, value: &Value) -> Vec<String> {
    let key = field.key;
    let line = match value {
        Value::Table(_) => return Vec::new(), // a section of its own
        Value::String(_) if field.is_secret() => {
            format!("# {key}: only as {} or {key}_file", variable(path, key))
        }
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_) => format!("{key} = {value}"),
    };
    comment(field.comment).chain([line]).collect()
}

fn comment(lines: &[&str]) -> impl Iterator<Item = String> {
    lines.iter().map(|line| format!("#{line}"))
}
