//! What the doctor says: findings, as a table or as JSON.

use std::fmt;

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    /// It works, and somebody should know.
    Warn,
    /// The service would not work.
    Fail,
}

/// What was found at one edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub edge: &'static str,
    pub state: State,
    /// What the settings say, without passwords.
    pub configured: String,
    pub version: Option<String>,
    /// What was seen.
    pub found: String,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
}

/// All edges, in the order in which a start needs them.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether nothing failed.
    pub ok: bool,
    pub edges: Vec<Finding>,
}

impl Finding {
    pub(super) fn ok(
        edge: &'static str,
        configured: impl Into<String>,
        found: impl Into<String>,
    ) -> Finding {
        Finding::of(edge, State::Ok, configured.into(), found.into(), String::new())
    }

    pub(super) fn warn(
        edge: &'static str,
        configured: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding::of(edge, State::Warn, configured.into(), found.into(), advice.into())
    }

    pub(super) fn fail(
        edge: &'static str,
        configured: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding::of(edge, State::Fail, configured.into(), found.into(), advice.into())
    }

    fn of(
        edge: &'static str,
        state: State,
        configured: String,
        found: String,
        advice: String,
    ) -> Finding {
        Finding { edge, state, configured, version: None, found, advice }
    }

    pub(super) fn version(self, version: impl Into<String>) -> Finding {
        Finding { version: Some(version.into()), ..self }
    }
}

/// The report as a table for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configured = self.edges.iter().map(|edge| edge.configured.chars().count()).max();
        let wide = configured.unwrap_or(0).clamp(12, 48);
        writeln!(
            f,
            "{:<5} {:<12} {:<wide$} {:<10} found",
            "state", "edge", "configured", "version"
        )?;
        for edge in &self.edges {
            let version = edge.version.as_deref().unwrap_or("-");
            let state = word(&edge.state);
            let Finding { edge: name, configured, found, advice, .. } = edge;
            writeln!(f, "{state:<5} {name:<12} {configured:<wide$} {version:<10} {found}")?;
            if !advice.is_empty() {
                writeln!(f, "      -> {advice}")?;
            }
        }
        Ok(())
    }
}

/// The word of a value in the settings.
pub(super) fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}
