//! Telling board rows from slot rows in a report (docs/PROTOCOL.md 6.1.3).
//!
//! The length alone does not say it; four readings are tried in a fixed order. Work on hostile
//! bytes is bounded.

use crate::Layout;

use super::report::{BoardRow, SlotRow};

#[cfg(test)]
mod tests;

pub(crate) const BOARD: usize = 6;
pub(crate) const SLOT: usize = 15;

/// The most slots that a board row may claim.
const COUNT_MAX: u8 = 48;
/// Slots per board in the order in which uniform reports are tried; then 13 and up.
const UNIFORM: [usize; 12] = [6, 5, 8, 4, 3, 2, 12, 10, 9, 7, 1, 11];
/// The highest state code that occurs in any table.
const STATE_MAX: u8 = 0x24;
/// Serial ports that a board address can name: `(0xF0 >> 4) / 5` is the highest.
pub(crate) const PORTS: usize = 4;
/// Rows looked at in a search before it is given up as ambiguous.
const STEPS_MAX: u32 = 50_000;

/// A board row and the slot rows under it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<'a> {
    pub board: BoardRow<'a>,
    pub slots: &'a [[u8; SLOT]],
}

#[derive(Clone, Debug)]
pub(crate) struct Found<'a> {
    pub layout: Layout,
    /// No other reading of these bytes is as sensible.
    pub exact: bool,
    pub groups: Vec<Group<'a>>,
}

/// `None` when no reading fits, or several do and none is preferred.
pub(crate) fn find(payload: &[u8]) -> Option<Found<'_>> {
    let found = |layout, exact, groups| Found { layout, exact, groups };
    if let Some(groups) = marker(payload) {
        return Some(found(Layout::Marker, true, groups));
    }
    if let Some(groups) = counted(payload) {
        return Some(found(Layout::Counted, true, groups));
    }
    if let Some(groups) = uniform(payload) {
        let exact = Search::run(payload, is_sensible).found_only(&groups);
        return Some(found(Layout::Uniform, exact, groups));
    }
    let search = Search::run(payload, is_possible);
    let groups = search.is_unique().then(|| search.groups())??;
    Some(found(Layout::Mixed, true, groups))
}

/// Board rows carry FF FF after the address, which no slot row has (no state is FF).
fn marker(payload: &[u8]) -> Option<Vec<Group<'_>>> {
    let is_board = |row: &[u8]| row.get(1..3) == Some(&[0xFF, 0xFF]);
    if !is_board(payload) {
        return None;
    }
    let mut groups = Vec::with_capacity(payload.len() / (BOARD + 4 * SLOT) + 1);
    let mut rest = payload;
    while !rest.is_empty() {
        if !is_board(rest) {
            return None;
        }
        let tail = rest.get(BOARD..)?;
        let count = tail.chunks_exact(SLOT).take_while(|row| !is_board(row)).count();
        let (group, after) = group(rest, count)?;
        groups.push(group);
        rest = after;
    }
    Some(groups)
}

/// Every board row says how many slots follow.
fn counted(payload: &[u8]) -> Option<Vec<Group<'_>>> {
    let mut groups = Vec::new();
    let mut rest = payload;
    while !rest.is_empty() {
        let count = *rest.get(1)?;
        if !(1..=COUNT_MAX).contains(&count) {
            return None;
        }
        let (group, after) = group(rest, usize::from(count))?;
        groups.push(group);
        rest = after;
    }
    plausible(&groups).then_some(groups)
}

/// Every board has the same number of slots, the first plausible one.
fn uniform(payload: &[u8]) -> Option<Vec<Group<'_>>> {
    let more = UNIFORM.len() + 1..=payload.len() / SLOT;
    UNIFORM.into_iter().chain(more).find_map(|count| uniform_by(payload, count))
}

fn uniform_by(payload: &[u8], count: usize) -> Option<Vec<Group<'_>>> {
    let size = BOARD + SLOT * count;
    if !payload.len().is_multiple_of(size) {
        return None;
    }
    let groups: Option<Vec<Group<'_>>> =
        payload.chunks_exact(size).map(|bytes| Some(group(bytes, count)?.0)).collect();
    groups.filter(|groups| plausible(groups))
}

/// The board row at the front with `count` slot rows, and what comes after.
fn group(bytes: &[u8], count: usize) -> Option<(Group<'_>, &[u8])> {
    let (board, rest) = bytes.split_first_chunk::<BOARD>()?;
    let (slots, rest) = rest.split_at_checked(SLOT * count)?;
    Some((Group { board: BoardRow(board), slots: slots.as_chunks().0 }, rest))
}

fn plausible(groups: &[Group<'_>]) -> bool {
    let mut order = Order::default();
    groups.iter().all(|group| {
        let port = usize::from(group.board.io());
        let fits = |slot| is_possible(slot) && order.admits(port, slot);
        group.slots.iter().map(SlotRow).all(fits)
    })
}

/// The state is of a table.
fn is_possible(slot: SlotRow<'_>) -> bool {
    slot.state() <= STATE_MAX
}

/// Level, temperature and sensor bits are such as cabinets send, too. Shifted rows hardly ever
/// pass this; of several possible splits one usually does.
fn is_sensible(slot: SlotRow<'_>) -> bool {
    let in_range = |byte: u8| byte <= 100 || byte == u8::MAX;
    let [.., level, temperature, _, _, _, _] = *slot.0;
    let sensor_is_bits = slot.sensor().trailing_zeros() >= 6;
    is_possible(slot) && in_range(level) && in_range(temperature) && sensor_is_bits
}

/// Inside a serial port slot numbers are not zero and rise.
#[derive(Clone, Copy, Default)]
struct Order([u8; PORTS]);

impl Order {
    fn admits(&mut self, port: usize, slot: SlotRow<'_>) -> bool {
        let last = &mut self.0[port];
        let rises = slot.number() > *last;
        *last = slot.number();
        rises
    }
}

/// All splits into boards of any sizes, as far as "none, one or more" needs it.
struct Search<'a> {
    payload: &'a [u8],
    admits: fn(SlotRow<'_>) -> bool,
    steps_left: u32,
    /// Where the boards of the split at hand begin.
    boards: Vec<usize>,
    /// Where the boards of the first complete split begin.
    first: Option<Vec<usize>>,
    splits: u8,
}

impl<'a> Search<'a> {
    fn run(payload: &'a [u8], admits: fn(SlotRow<'_>) -> bool) -> Search<'a> {
        let (steps_left, boards) = (STEPS_MAX, Vec::new());
        let mut search = Search { payload, admits, steps_left, boards, first: None, splits: 0 };
        search.board(0, Order::default());
        search
    }

    /// The only split is this one.
    fn found_only(&self, groups: &[Group<'_>]) -> bool {
        let sizes = |groups: &[Group<'_>]| -> Vec<usize> {
            groups.iter().map(|group| group.slots.len()).collect()
        };
        self.is_unique() && self.groups().is_some_and(|found| sizes(&found) == sizes(groups))
    }

    fn is_unique(&self) -> bool {
        self.splits == 1 && self.steps_left > 0
    }

    fn groups(&self) -> Option<Vec<Group<'a>>> {
        let starts = self.first.as_deref()?;
        let ends = starts.iter().skip(1).copied().chain([self.payload.len()]);
        let cut = |(start, end): (&usize, usize)| {
            let bytes = self.payload.get(*start..end)?;
            Some(group(bytes, (bytes.len() - BOARD) / SLOT)?.0)
        };
        starts.iter().zip(ends).map(cut).collect()
    }

    /// Tries a board row at `at`, and after each slot row under it the next board.
    /// Recursion is as deep as there are boards, and each needs a slot number of its own.
    fn board(&mut self, at: usize, mut order: Order) {
        let Some(board) = self.payload.get(at..).and_then(<[u8]>::first_chunk::<BOARD>) else {
            return;
        };
        let port = usize::from(BoardRow(board).io());
        let rows = self.payload.get(at + BOARD..).unwrap_or_default().as_chunks::<SLOT>().0;
        self.boards.push(at);
        for (index, row) in rows.iter().enumerate() {
            let row = SlotRow(row);
            if !self.step() || !(self.admits)(row) || !order.admits(port, row) {
                break;
            }
            let next = at + BOARD + SLOT * (index + 1);
            if next == self.payload.len() {
                self.complete();
            } else {
                self.board(next, order);
            }
        }
        self.boards.pop();
    }

    /// False when there is nothing left to find out.
    fn step(&mut self) -> bool {
        self.steps_left = self.steps_left.saturating_sub(1);
        self.steps_left > 0 && self.splits < 2
    }

    fn complete(&mut self) {
        self.splits = self.splits.saturating_add(1);
        self.first.get_or_insert_with(|| self.boards.clone());
    }
}
