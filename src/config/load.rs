//! From sources to settings: which source wins, and what is refused with which words.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::render::{section, variable};
use super::values::password;
use super::{Config, FILE, SECTIONS};

const PREFIX: &str = "CHARGEGHAR__";

/// Why the settings cannot be used. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path} cannot be read: {cause}")]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{path} is not valid: {cause}")]
    Syntax { path: PathBuf, cause: toml::de::Error },
    #[error("{path}: there is no setting {key}; did you mean {nearest}?")]
    UnknownKey { path: PathBuf, key: String, nearest: String },
    #[error("there is no setting for {variable}; did you mean {nearest}?")]
    UnknownVariable { variable: String, nearest: String },
    #[error("{variable} is not valid: {cause}")]
    BadVariable { variable: String, cause: String },
    #[error(
        "{path}: {key} is a secret and must not be in this file; set {variable}, or name a file \
         that holds it with {key}_file"
    )]
    SecretInFile { path: PathBuf, key: String, variable: String },
    #[error("{path}: {key} holds a password and must not be in this file; set {variable}")]
    PasswordInFile { path: PathBuf, key: String, variable: String },
    #[error("{key} is given twice: as a value and by {key}_file; remove one")]
    SecretTwice { key: String },
    #[error("{key}_file: {path} cannot be read: {cause}")]
    SecretUnreadable { key: String, path: PathBuf, cause: io::Error },
    #[error("the settings cannot be used:\n{}", list(.0))]
    Invalid(Vec<String>),
}

/// What the settings are made of, besides the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A file's path and text.
    pub file: Option<(PathBuf, String)>,
    /// Variables of the environment; those without the prefix are ignored.
    pub variables: BTreeMap<String, String>,
}

impl Sources {
    pub fn of_process(file: Option<&Path>) -> Result<Sources, Error> {
        let default = Path::new(FILE);
        let path = file.or_else(|| default.exists().then_some(default));
        let read = |path: &Path| {
            let unreadable = |cause| Error::Unreadable { path: path.to_owned(), cause };
            Ok((path.to_owned(), fs::read_to_string(path).map_err(unreadable)?))
        };
        let file = path.map(read).transpose()?;
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Ok(Sources { file, variables: std::env::vars_os().filter_map(text).collect() })
    }

    pub fn load(&self) -> Result<Config, Error> {
        let defaults = Table::try_from(Config::default()).expect("the defaults have a form");
        let mut values = match &self.file {
            Some((path, text)) => from_file(path, text, &defaults)?,
            None => Table::new(),
        };
        for (name, value) in self.variables.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            values = with_variable(values, name, value, &defaults)?;
        }
        read_secrets(&mut values, &defaults)?;

        let config = settings(values).map_err(|error| Error::Invalid(vec![error.to_string()]))?;
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(Error::Invalid(problems)) }
    }
}

fn from_file(path: &Path, text: &str, defaults: &Table) -> Result<Table, Error> {
    let syntax = |cause| Error::Syntax { path: path.to_owned(), cause };
    let values: Table = toml::from_str(text).map_err(syntax)?;
    for (key, value) in leaves("", &values).into_iter().filter(|(key, _)| !is_section(key)) {
        check_key(path, &key, value, defaults)?;
    }
    // Once more from the text: an error of this pass shows the line.
    toml::from_str::<Config>(text).map_err(syntax)?;
    Ok(values)
}

fn check_key(path: &Path, key: &str, value: &Value, defaults: &Table) -> Result<(), Error> {
    let (path, key) = (path.to_owned(), key.to_owned());
    let known = known_keys(defaults);
    let Some(&secret) = known.get(&key) else {
        let sections = SECTIONS.iter().map(|(path, ..)| *path).filter(|_| value.is_table());
        let nearest = nearest(&key, known.keys().map(String::as_str).chain(sections));
        return Err(Error::UnknownKey { path, key, nearest });
    };
    let (section, last) = key.rsplit_once('.').unwrap_or(("", &key));
    let variable = variable(section, last);
    if secret {
        return Err(Error::SecretInFile { path, key, variable });
    }
    if value.as_str().is_some_and(|text| password(text).is_some()) {
        return Err(Error::PasswordInFile { path, key, variable });
    }
    Ok(())
}

fn with_variable(
    mut values: Table,
    name: &str,
    text: &str,
    defaults: &Table,
) -> Result<Table, Error> {
    let variable = name.to_owned();
    let key = name[PREFIX.len()..].to_lowercase().replace("__", ".");
    let known = known_keys(defaults);
    if !known.contains_key(&key) || name != name.to_uppercase() {
        let names: Vec<String> = known.keys().map(|key| variable_of(key)).collect();
        let nearest = nearest(&name.to_uppercase(), names.iter().map(String::as_str));
        return Err(Error::UnknownVariable { variable, nearest });
    }
    let (path, last) = key.rsplit_once('.').unwrap_or(("", &key));
    let bad = |cause: String| Error::BadVariable { variable: variable.clone(), cause };
    let value = typed(text, &section(defaults, path)[last]).map_err(bad)?;
    let parts = path.split('.').filter(|part| !part.is_empty());
    let table = parts.fold(&mut values, |table, part| {
        let entry = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
        entry.as_table_mut().expect("the file was checked: a section is a table")
    });
    table.insert(last.to_owned(), value);
    settings(values.clone()).map_err(|error| bad(error.message().to_owned()))?;
    Ok(values)
}

/// The text of a variable as the type that the default has.
fn typed(text: &str, default: &Value) -> Result<Value, String> {
    match default {
        Value::Integer(_) => {
            let number = text.trim().parse().map(Value::Integer);
            number.map_err(|_| format!("{text:?} is not a whole number"))
        }
        Value::Boolean(_) => {
            let flag = text.trim().parse().map(Value::Boolean);
            flag.map_err(|_| format!("{text:?} is neither true nor false"))
        }
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        Value::String(_) | Value::Float(_) | Value::Datetime(_) | Value::Table(_) => {
            Ok(Value::String(text.to_owned()))
        }
    }
}

/// Puts what `*_file` names in the place of the secret itself.
fn read_secrets(values: &mut Table, defaults: &Table) -> Result<(), Error> {
    for key in known_keys(defaults).into_iter().filter_map(|(key, secret)| secret.then_some(key)) {
        let (path, last) = key.rsplit_once('.').unwrap_or(("", &key));
        let mut parts = path.split('.').filter(|part| !part.is_empty());
        let table = parts.try_fold(&mut *values, |table, part| {
            table.get_mut(part).and_then(Value::as_table_mut)
        });
        let Some(table) = table else { continue };
        let file = table.get(&format!("{last}_file")).and_then(Value::as_str).unwrap_or_default();
        if file.is_empty() {
            continue;
        }
        if table.get(last).and_then(Value::as_str).is_some_and(|secret| !secret.is_empty()) {
            return Err(Error::SecretTwice { key });
        }
        let unreadable =
            |cause| Error::SecretUnreadable { key: key.clone(), path: file.into(), cause };
        let secret = fs::read_to_string(file).map_err(unreadable)?;
        table.insert(last.to_owned(), Value::String(secret.trim_end().to_owned()));
    }
    Ok(())
}

fn settings(values: Table) -> Result<Config, toml::de::Error> {
    Config::deserialize(Value::Table(values))
}

/// Every key there is, and whether it is a secret.
fn known_keys(defaults: &Table) -> BTreeMap<String, bool> {
    let mut keys = BTreeMap::new();
    for (path, _, fields) in SECTIONS {
        for field in fields.iter().filter(|f| !section(defaults, path)[f.key].is_table()) {
            let dot = if path.is_empty() { "" } else { "." };
            keys.insert(format!("{path}{dot}{}", field.key), field.is_secret());
        }
    }
    keys
}

fn variable_of(key: &str) -> String {
    let (path, last) = key.rsplit_once('.').unwrap_or(("", key));
    variable(path, last)
}

/// Every value under `path` with its key; a table that is no section counts as one.
fn leaves<'a>(path: &str, table: &'a Table) -> Vec<(String, &'a Value)> {
    let mut found = Vec::new();
    for (last, value) in table {
        let dot = if path.is_empty() { "" } else { "." };
        let key = format!("{path}{dot}{last}");
        match value.as_table() {
            Some(inner) if is_section(&key) => found.extend(leaves(&key, inner)),
            Some(_) | None => found.push((key, value)),
        }
    }
    found
}

fn is_section(key: &str) -> bool {
    SECTIONS.iter().any(|(path, ..)| *path == key)
}

/// The candidate with the fewest changed letters.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    candidates.min_by_key(|candidate| distance(word, candidate)).unwrap_or_default().to_owned()
}

/// Edit distance: letters inserted, removed or replaced.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn list(problems: &[String]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
    lines.join("\n")
}
