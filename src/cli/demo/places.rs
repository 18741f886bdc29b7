//! Where the demo's cabinets stand, and what they are.

use cabinet::Layout;

/// A place in the Kathmandu valley where people run out of battery.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub name: &'static str,
    pub address: &'static str,
    pub lat: f64,
    pub lng: f64,
    pub slots: u16,
    /// Banks in it at first.
    pub banks: u16,
}

/// From north-west to south-east; the first is where the rider starts.
pub const PLACES: [Place; 12] = [
    Place::new("Thamel Chowk", "Thamel Marg, Kathmandu", (27.7154, 85.3123), 12, 8),
    Place::new("Garden of Dreams", "Tridevi Sadak, Kathmandu", (27.7143, 85.3145), 8, 5),
    Place::new("Swayambhunath", "Swayambhu, Kathmandu", (27.7149, 85.2904), 8, 6),
    Place::new("Boudhanath Stupa", "Boudha, Kathmandu", (27.7215, 85.3620), 24, 16),
    Place::new("Pashupatinath", "Pashupati Nath Road, Kathmandu", (27.7105, 85.3487), 12, 7),
    Place::new("City Centre", "Kamal Pokhari, Kathmandu", (27.7099, 85.3267), 12, 9),
    Place::new("Ratna Park", "Kanti Path, Kathmandu", (27.7064, 85.3150), 8, 4),
    Place::new("Durbar Square", "Basantapur, Kathmandu", (27.7043, 85.3074), 12, 8),
    Place::new("Civil Mall", "Sundhara, Kathmandu", (27.6994, 85.3129), 8, 5),
    Place::new("Tribhuvan Airport", "Ring Road, Kathmandu", (27.6966, 85.3591), 44, 30),
    Place::new("Labim Mall", "Pulchowk, Lalitpur", (27.6773, 85.3169), 12, 8),
    Place::new("Patan Durbar Square", "Mangal Bazar, Lalitpur", (27.6727, 85.3253), 8, 6),
];

impl Place {
    const fn new(
        name: &'static str,
        address: &'static str,
        (lat, lng): (f64, f64),
        slots: u16,
        banks: u16,
    ) -> Place {
        Place { name, address, lat, lng, slots, banks }
    }

    /// The build that is usual for so many slots; the largest lists boards that are not fitted.
    pub fn layout(&self) -> Layout {
        let layout = Layout::of(self.slots);
        if self.slots > 24 { layout.with_phantoms(4) } else { layout }
    }
}
