//! Which tables there are, from the database's own catalogue: a table that a migration adds is
//! in the next backup without a word here.

use std::collections::BTreeMap;

use super::Extent;
use crate::store::error::Error;
use crate::store::session::Session;

#[cfg(test)]
mod tests;

/// Rows that belong to an instance, not to the network.
const OWN: &[&str] = &["node", "_sqlx_migrations"];
/// Rows that may be left out: what cabinets said, and what they sent.
const FRAMES: &[&str] = &["raw_frames", "station_telemetry", "slot_telemetry"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    /// Those that are stored; what is computed from them is left out, and so are numbers of
    /// transactions, which mean nothing in another cluster.
    pub columns: Vec<String>,
}

impl Table {
    pub fn belongs_to(&self, extent: Extent) -> bool {
        extent == Extent::WithFrames || !FRAMES.contains(&self.name.as_str())
    }

    /// As a query, because a partitioned table can be copied in no other way.
    pub fn copy_out(&self) -> String {
        format!("copy (select {} from {}) to stdout", self.listed(), quoted(&self.name))
    }

    pub fn copy_in(&self) -> String {
        format!("copy {} ({}) from stdin", quoted(&self.name), self.listed())
    }

    fn listed(&self) -> String {
        self.columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
    }
}

pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// All tables of the network, each after those it refers to.
pub async fn tables(session: &mut Session) -> Result<Vec<Table>, Error> {
    const TABLES: &str = "
        select c.relname::text, array_agg(a.attname::text order by a.attnum)
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and not c.relispartition and a.attnum > 0 and not a.attisdropped
            and a.attgenerated = '' and a.atttypid <> 'xid8'::regtype
        group by c.relname
        order by c.relname";
    const REFERENCES: &str = "
        select distinct child.relname::text, parent.relname::text
        from pg_constraint f
        join pg_class child on child.oid = f.conrelid
        join pg_class parent on parent.oid = f.confrelid
        where f.contype = 'f' and child.oid <> parent.oid
            and child.relnamespace = 'public'::regnamespace";

    let tables: Vec<(String, Vec<String>)> =
        sqlx::query_as(TABLES).fetch_all(&mut *session).await?;
    let references: Vec<(String, String)> =
        sqlx::query_as(REFERENCES).fetch_all(&mut *session).await?;
    let own = |name: &str| OWN.contains(&name);
    let tables = tables.into_iter().filter(|(name, _)| !own(name)).collect();
    Ok(sorted(tables, &references))
}

/// A circle of references, which no order can serve, is broken at its first name.
fn sorted(mut left: BTreeMap<String, Vec<String>>, references: &[(String, String)]) -> Vec<Table> {
    let mut sorted = Vec::with_capacity(left.len());
    while let Some(first) = left.keys().next() {
        let waits = |name: &String| {
            references.iter().any(|(child, parent)| child == name && left.contains_key(parent))
        };
        let name = left.keys().find(|name| !waits(name)).unwrap_or(first).clone();
        let columns = left.remove(&name).unwrap_or_default();
        sorted.push(Table { name, columns });
    }
    sorted
}
