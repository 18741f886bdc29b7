//! Live state against stored state: what a running node knows of rentals and banks, row by row.

use std::collections::{BTreeMap, BTreeSet};

use chargeghar::actors::directory::Place;
use chargeghar::node::Node;
use chargeghar::store::load::Loaded;
use domain::ids::{RiderId, SlotKey, Sn, StationId};

/// What the node knows and what is stored, where they differ.
pub fn compare(node: &Node, stored: &Loaded) -> Result<(), String> {
    assert!(stored.corrupt.is_empty(), "{:?}", stored.corrupt);
    rentals(node, stored)?;
    banks(node, stored)
}

fn rentals(node: &Node, stored: &Loaded) -> Result<(), String> {
    let mut riders: BTreeSet<RiderId> = BTreeSet::new();
    for row in &stored.rentals {
        let (id, rider) = (row.rental.id, row.rental.rider);
        let live = node.rentals.get(id);
        // one that is over may have been let go of already
        let same = live.as_ref().map_or(!row.rental.is_open(), |live| **live == *row);
        same.then_some(()).ok_or_else(|| format!("{live:?} is stored as {row:?}"))?;
        if row.rental.is_open() {
            riders.insert(rider);
            let place = node.rentals.place(rider);
            let same = place == Some(Place::Open(id));
            same.then_some(()).ok_or_else(|| format!("rider {rider} is at {place:?}, not {id}"))?;
        }
    }
    for rider in stored.rentals.iter().map(|row| row.rental.rider) {
        let place = node.rentals.place(rider).filter(|_| !riders.contains(&rider));
        place.map_or(Ok(()), |place| Err(format!("rider {rider} is at {place:?}, not stored")))?;
    }
    Ok(())
}

fn banks(node: &Node, stored: &Loaded) -> Result<(), String> {
    let mut slots: BTreeMap<StationId, BTreeMap<SlotKey, Sn>> = BTreeMap::new();
    for row in &stored.banks {
        let live = node.context.banks.get(&row.sn);
        let same = live.as_ref() == Some(row);
        same.then_some(()).ok_or_else(|| format!("{live:?} is stored as {row:?}"))?;
        if let Some((station, key)) = row.custody.slot() {
            slots.entry(station).or_default().insert(key, row.sn.clone());
        }
    }
    for station in stored.stations.iter().map(|row| row.info.id) {
        let (live, rows) = (node.context.banks.at(station), slots.remove(&station));
        let rows = rows.unwrap_or_default();
        let same = live == rows;
        same.then_some(()).ok_or_else(|| format!("slots {live:?} are stored as {rows:?}"))?;
    }
    Ok(())
}
