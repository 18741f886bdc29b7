//! Starts cabinets that share their HTTP connections: one client per source address, so that
//! thousands fit into one process.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Client;

use crate::cabinet::Cabinet;
use crate::spec::Spec;

/// A cheap handle; clones share their clients. Connections belong to the runtime they were made
/// on: one fleet per runtime.
#[derive(Clone, Default)]
pub struct Fleet {
    clients: Arc<Mutex<BTreeMap<Way, Client>>>,
}

/// What a client is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    source: Option<IpAddr>,
    /// Without TLS a client needs no roots of trust, which are most of its memory.
    is_plain: bool,
}

impl Fleet {
    pub fn new() -> Fleet {
        Fleet::default()
    }

    /// Starts a cabinet with its power on. Needs a tokio runtime.
    pub fn start(&self, spec: Spec) -> Cabinet {
        let is_plain = spec.base_url.starts_with("http://");
        let client = self.client(Way { source: spec.source_addr, is_plain });
        Cabinet::start_with(spec, client)
    }

    fn client(&self, way: Way) -> Client {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.entry(way).or_insert_with(|| build(way)).clone()
    }
}

fn build(way: Way) -> Client {
    // another part of the process may have chosen its provider before
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().local_address(way.source).no_proxy().pool_max_idle_per_host(64);
    let builder = if way.is_plain { builder.tls_certs_only([]) } else { builder };
    builder.build().expect("a client without special TLS settings can be built")
}
