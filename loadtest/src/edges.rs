//! The parts that the service needs, as its operators have them: Postgres and Mosquitto, each a
//! child process of the harness on a place of its own, and a cable from the service to each.

use std::path::Path;
use std::sync::Arc;

use crate::cable::{Cable, Far};
use crate::scratch::Scratch;

mod mosquitto;
mod postgres;

pub use mosquitto::Mosquitto;
pub use postgres::{Postgres, Room};

pub struct Edges {
    pub database: Postgres,
    pub broker: Mosquitto,
    pub to_database: Arc<Cable>,
    pub to_broker: Arc<Cable>,
}

impl Edges {
    pub async fn start(scratch: &Scratch, room: Room) -> anyhow::Result<Edges> {
        let database = Postgres::start_new(&scratch.folder("postgres")?, room).await?;
        let broker = Mosquitto::start_new(&scratch.folder("mosquitto")?).await?;
        let to_database = Arc::new(Cable::to(Far::Socket(database.socket())).await?);
        let to_broker = Arc::new(Cable::to(Far::Tcp(broker.address())).await?);
        Ok(Edges { database, broker, to_database, to_broker })
    }

    /// Tells the service of them. It goes over the cables; cabinets go to the broker.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let database = self.to_database.address();
        let url = format!("postgres://postgres@{database}/{}", postgres::NAME);
        let broker = self.broker.settings_over(self.to_broker.address());
        [("DATABASE__URL", url)].into_iter().chain(broker).collect()
    }
}

/// The first of the files that is there.
fn first_file(files: impl IntoIterator<Item = impl AsRef<Path>>) -> Option<std::path::PathBuf> {
    files.into_iter().map(|file| file.as_ref().to_owned()).find(|file| file.is_file())
}
