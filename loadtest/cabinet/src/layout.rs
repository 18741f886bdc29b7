//! How a cabinet is built: its boards, their slots, and the firmware's way of writing them into
//! a report. Knows the shape only, never what is in a slot.

pub use devices::Layout as Marking;
use domain::ids::SlotKey;

#[cfg(test)]
mod tests;

/// One control board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// 10, 20, 30.. (hex) on old boards, 1, 2, 3.. on new ones.
    pub address: u8,
    /// Number of its first slot.
    pub first_slot: u16,
    pub slots: u16,
    /// Degrees Celsius; 0 is no sensor.
    pub temperature: u8,
    /// Both versions 0: the board is not fitted and its rows hold junk.
    pub software: u8,
    pub hardware: u8,
}

impl Board {
    /// The serial port the board hangs on, by the vendor's rule.
    pub fn io(&self) -> u8 {
        (self.address >> 4) / 5
    }

    pub fn is_fitted(&self) -> bool {
        self.software != 0 || self.hardware != 0
    }

    /// The keys of its slots, none when it is not fitted.
    pub fn keys(&self) -> impl Iterator<Item = SlotKey> + use<> {
        let count = if self.is_fitted() { self.slots } else { 0 };
        let (io, first) = (self.io(), self.first_slot);
        (0..count).map(move |n| SlotKey::new(io, first + n))
    }
}

/// A cabinet's boards in the order its reports list them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How the firmware tells board rows from slot rows.
    pub marking: Marking,
    pub boards: Vec<Board>,
}

/// Versions seen on marker firmware.
const SOFTWARE: u8 = 4;
const HARDWARE: u8 = 0x16;
/// Slots a group of a phantom board has in captures.
const PHANTOM_SLOTS: u16 = 4;
const PHANTOM_ADDRESS: u8 = 0x16;

impl Layout {
    /// Boards of the given sizes with marked rows, addresses 1, 2, 3..
    pub fn marker(sizes: &[u16]) -> Layout {
        Layout::numbered(Marking::Marker, sizes)
    }

    /// Boards of the given sizes that state their count, addresses 1, 2, 3..
    pub fn counted(sizes: &[u16]) -> Layout {
        Layout::numbered(Marking::Counted, sizes)
    }

    /// Equal boards without marks, addresses 10, 20, 30.. (hex); from the fifth board on the
    /// address puts them on the second serial port, where slots count from 1 again.
    pub fn uniform(boards: u8, slots_each: u16) -> Layout {
        Layout::tens(Marking::Uniform, &vec![slots_each; usize::from(boards)])
    }

    /// Boards of different sizes without marks, addresses 10, 20, 30.. (hex). With banks in it a
    /// report of such a build can often be read in two ways, so that a reader has to refuse it.
    pub fn mixed(sizes: &[u16]) -> Layout {
        Layout::tens(Marking::Mixed, sizes)
    }

    /// The usual build for a number of slots: one counted board up to 8, marked boards of 4
    /// (the last one smaller) above.
    pub fn of(slots: u16) -> Layout {
        if slots <= 8 {
            return Layout::counted(&[slots.max(1)]);
        }
        let mut sizes = vec![4; usize::from(slots / 4)];
        if !slots.is_multiple_of(4) {
            sizes.push(slots % 4);
        }
        Layout::marker(&sizes)
    }

    /// Adds boards on the second serial port (addresses 50, 60.. hex), their slots numbered
    /// from `first_slot`.
    #[must_use]
    pub fn second_port(mut self, first_slot: u16, sizes: &[u16]) -> Layout {
        let used = self.boards.iter().filter(|board| board.io() == 1).count();
        let mut next = first_slot;
        for (n, &slots) in sizes.iter().enumerate() {
            let address = 0x50 + u8::try_from((used + n) * 16).unwrap_or(0);
            self.boards.push(Board::fitted(address, next, slots));
            next += slots;
        }
        self
    }

    /// Adds groups of boards that are not fitted, as large cabinets send them.
    #[must_use]
    pub fn with_phantoms(mut self, boards: u16) -> Layout {
        let last = |board: &Board| board.first_slot + board.slots;
        let mut next = self.boards.iter().map(last).max().unwrap_or(1);
        for _ in 0..boards {
            self.boards.push(Board {
                software: 0,
                hardware: 0,
                ..Board::fitted(PHANTOM_ADDRESS, next, PHANTOM_SLOTS)
            });
            next += PHANTOM_SLOTS;
        }
        self
    }

    /// Every slot that really exists.
    pub fn keys(&self) -> impl Iterator<Item = SlotKey> + '_ {
        self.boards.iter().flat_map(Board::keys)
    }

    /// How many slots really exist.
    pub fn fitted_slots(&self) -> usize {
        self.keys().count()
    }

    fn numbered(marking: Marking, sizes: &[u16]) -> Layout {
        let addresses = 1..=u8::MAX;
        Layout { marking, boards: place(addresses, sizes) }
    }

    fn tens(marking: Marking, sizes: &[u16]) -> Layout {
        let addresses = (1..=9).map(|n| n * 16);
        Layout { marking, boards: place(addresses, sizes) }
    }
}

impl Board {
    fn fitted(address: u8, first_slot: u16, slots: u16) -> Board {
        let (software, hardware) = (SOFTWARE, HARDWARE);
        Board { address, first_slot, slots, temperature: 0, software, hardware }
    }
}

/// Slots run through the whole serial port, so each port counts on its own.
fn place(addresses: impl Iterator<Item = u8>, sizes: &[u16]) -> Vec<Board> {
    let mut next = [1_u16; 4];
    let mut boards = Vec::with_capacity(sizes.len());
    for (address, &slots) in addresses.zip(sizes) {
        let board = Board::fitted(address, 0, slots);
        let counter = &mut next[usize::from(board.io())];
        boards.push(Board { first_slot: *counter, ..board });
        *counter += slots;
    }
    boards
}
