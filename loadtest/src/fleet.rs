//! The simulated cabinets of a run: started a few at a time, each with banks of its own, and
//! known by their numbers.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::bail;
use cabinet::numbered::{banks, uuid};
use cabinet::{Cabinet, Fleet, Spec, Timing};
use domain::ids::Sn;
use sqlx::postgres::PgConnection;
use tokio::time::{Instant, sleep};

use crate::witness::{Places, Witness};

/// Cabinets that are switched on together, and the pause before the next.
const SLICE: usize = 50;
const PAUSE: Duration = Duration::from_millis(100);
/// Longest time for the service to know the banks of all of them.
const KNOWN_MAX: Duration = Duration::from_mins(3);

/// Addresses that connections of cabinets come from: one has some 28,000 ports to offer.
const SOURCES: u32 = 250;

pub struct Cabinets(Vec<Cabinet>);

/// Cabinets that are all alike.
pub struct Order<'a> {
    pub base_url: &'a str,
    pub count: u32,
    /// Banks in each.
    pub stocked: u16,
    pub timing: Timing,
    /// Is told what happens to banks.
    pub witness: Option<&'a Witness>,
}

impl Cabinets {
    /// Switches cabinets with numbers from 1 on; done when the service knows all of their banks.
    pub async fn start(order: Order<'_>, db: &mut PgConnection) -> anyhow::Result<Cabinets> {
        let Order { base_url, count, stocked, timing, witness } = order;
        let observer = witness.map(Witness::observer);
        let fleet = Fleet::new();
        let mut all = Vec::new();
        for number in 1..=count {
            let sns = banks(number, stocked).map(|sn| Sn(sn.to_string()));
            let spec = Spec::new(uuid(number).as_str(), base_url)
                .timing(timing.clone())
                .seed(u64::from(number))
                .with_banks(sns);
            let (source_addr, observer) = (Some(source(number)), observer.clone());
            all.push(fleet.start(Spec { events_kept: 0, source_addr, observer, ..spec }));
            if all.len().is_multiple_of(SLICE) {
                sleep(PAUSE).await;
            }
        }
        let wanted = i64::from(count) * i64::from(stocked);
        let deadline = Instant::now() + KNOWN_MAX;
        loop {
            const SQL: &str = "select count(*) from banks where custody = 'slot'";
            let known: i64 = sqlx::query_scalar(SQL).fetch_one(&mut *db).await?;
            if known >= wanted {
                return Ok(Cabinets(all));
            }
            if Instant::now() > deadline {
                let online = all.iter().filter(|cabinet| cabinet.is_online()).count();
                bail!("{online} of {count} cabinets online, {known} of {wanted} banks known");
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// The cabinet with this number, from 1.
    pub fn get(&self, number: u32) -> Option<&Cabinet> {
        self.0.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    pub fn all(&self) -> &[Cabinet] {
        &self.0
    }

    /// Where all banks are at this moment.
    pub fn places(&self) -> Places {
        let mut places = Places::new();
        for cabinet in &self.0 {
            for slot in cabinet.state().slots {
                let Some(bank) = slot.bank else { continue };
                places.entry(bank.sn.to_string()).or_default().push(cabinet.uuid().to_string());
            }
        }
        places
    }
}

/// Among 127.0.1.0/24.
fn source(number: u32) -> IpAddr {
    let last = u8::try_from(1 + number % SOURCES).unwrap_or(1);
    IpAddr::V4(Ipv4Addr::new(127, 0, 1, last))
}
