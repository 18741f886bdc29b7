//! Starts cabinets that share their HTTP connections: one client per source address, so that
//! thousands fit into one process.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Client;

use crate::cabinet::Cabinet;
use crate::spec::Spec;

/// A cheap handle; clones share their clients.
#[derive(Clone, Default)]
pub struct Fleet {
    clients: Arc<Mutex<BTreeMap<Option<IpAddr>, Client>>>,
}

impl Fleet {
    pub fn new() -> Fleet {
        Fleet::default()
    }

    /// Starts a cabinet with its power on. Needs a tokio runtime.
    pub fn start(&self, spec: Spec) -> Cabinet {
        let client = self.client(spec.source_addr);
        Cabinet::start_with(spec, client)
    }

    /// The client of an address.
    fn client(&self, source: Option<IpAddr>) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.entry(source).or_insert_with(|| build(source)).clone()
    }
}

fn build(source: Option<IpAddr>) -> Client {
    // another part of the process may have chosen its provider before
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().local_address(source).no_proxy().pool_max_idle_per_host(64);
    builder.build().expect("a client without special TLS settings can be built")
}
