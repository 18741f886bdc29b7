//! `[http]`: where riders, operators and cabinets reach the service.

use std::net::{IpAddr, Ipv4Addr};

use super::Environment;
use super::section::{Problems, section};
use super::values::Seconds;

section! {
    /// The HTTP server: the riders' app, the admin dashboard, cabinets and scrapers.
    Http {
        /// Address to listen on. Behind a proxy on the same host the default is right.
        bind: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST),
        /// Port to listen on; 0 takes any free one.
        port: u16 = 8080,
        /// How the outside reaches this server, without a slash at the end, for links and
        /// payment returns. Empty: `http://<bind>:<port>`. Production needs https.
        public_url: String = String::new(),
        /// Longest time for one request, in seconds; live streams are exempt.
        request_timeout_s: Seconds = Seconds(30),
        /// Longest wait for the head of a request, in seconds, from the opening of a connection
        /// or its last answer; then it is closed.
        header_timeout_s: Seconds = Seconds(30),
        /// Longest time in which a reader takes nothing of what it is told, in seconds; then its
        /// connection is closed.
        write_timeout_s: Seconds = Seconds(30),
        /// Open connections, those of live streams too. Of more, only returns of cabinets,
        /// `/healthz`, `/readyz` and `/metrics` are heard, the rest is answered 503.
        connections_max: usize = 12_000,
        /// Requests in work at once; more are answered 503. Starts of rentals, which may wait for a
        /// cabinet, take no more than half of them.
        requests_max: usize = 1_024,
        /// Largest JSON body, in bytes.
        body_max_bytes: usize = 65_536,
        /// Largest body of a cabinet's call, in bytes.
        device_body_max_bytes: usize = 65_535,
        /// Rows of a page when the request names no number.
        page_size: u16 = 20,
        /// Most rows of a page.
        page_size_max: u16 = 100,
        /// Open live streams (SSE, WebSocket) at once; more are answered 503.
        streams_max: usize = 10_000,
        /// How often an idle live stream sends a sign of life, in seconds.
        stream_keepalive_s: Seconds = Seconds(15),
        /// Origins of browsers that may call the API, for example
        /// `["https://admin.example.com"]`.
        cors_origins: Vec<String> = Vec::new(),
        /// Addresses of proxies whose X-Forwarded-For is believed.
        trusted_proxies: Vec<IpAddr> = Vec::new(),
    }
}

impl Http {
    pub(super) fn check(&self, mut problems: Problems<'_>, environment: Environment) {
        let pages = self.page_size > 0 && self.page_size <= self.page_size_max;
        problems.unless(pages, "page_size", "must be between 1 and page_size_max");
        problems.unless(self.requests_max > 0, "requests_max", "must be at least 1");
        let opens = self.connections_max > 0;
        problems.unless(opens, "connections_max", "must be at least 1");
        let waits = self.header_timeout_s.0 > 0 && self.write_timeout_s.0 > 0;
        problems.unless(waits, "header_timeout_s", "must be at least 1, as write_timeout_s");
        let whole = self.device_body_max_bytes >= 1_024 && self.body_max_bytes >= 1_024;
        problems.unless(whole, "body_max_bytes", "must be at least 1024, as device_body_max_bytes");
        let timely = self.request_timeout_s.0 > 0 && self.stream_keepalive_s.0 > 0;
        problems.unless(timely, "request_timeout_s", "must be at least 1, as stream_keepalive_s");
        let url = self.public_url.as_str();
        let known = url.is_empty() || url.starts_with("http://") || url.starts_with("https://");
        problems.unless(
            known && !url.ends_with('/'),
            "public_url",
            "must begin with http:// or https:// and not end in a slash",
        );
        problems.unless(
            !environment.is_production() || url.starts_with("https://"),
            "public_url",
            "production needs the https address by which riders reach this server",
        );
    }
}
