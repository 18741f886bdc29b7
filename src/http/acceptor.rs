//! Takes connections, a bounded number at once, and lets nobody hold one for nothing. Who takes
//! too long over the head of a request, or does not read what it is told, is cut.
//!
//! Beyond the bound a few more are heard, one request each, so that returns of cabinets and the
//! questions of those who run the service still come in; whatever else they ask is turned away.
//! The acceptor knows no routes.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::middleware::from_fn;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use super::guard;
use crate::config;
use crate::metrics;
use crate::spawn::Tasks;

mod patience;

#[cfg(test)]
mod tests;

use patience::Patient;

/// Connections beyond the bound that are heard at once; further ones are closed unheard.
const BEYOND: usize = 64;
/// The head of a request, and what is read ahead of a body, in bytes.
const HEAD_MAX: usize = 65_536;
/// After a connection could not be taken, for want of file descriptors for example.
const PAUSE: Duration = Duration::from_millis(100);

/// How long and how many.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub connections: usize,
    /// For the whole head of a request, from the opening or the last answer.
    pub head: Duration,
    /// For a reader that takes nothing of what it is told.
    pub write: Duration,
}

impl Bounds {
    pub fn new(settings: &config::Http) -> Bounds {
        Bounds {
            connections: settings.connections_max,
            head: settings.header_timeout_s.duration(),
            write: settings.write_timeout_s.duration(),
        }
    }
}

struct Acceptor {
    bounds: Bounds,
    places: Arc<Semaphore>,
    /// For connections beyond the bound, which are heard and sent away.
    places_to_refuse: Arc<Semaphore>,
    router: Router,
    /// Answers those beyond the bound: only what is never turned away gets through.
    refusing: Router,
    connections: Tasks,
    closing: watch::Sender<bool>,
}

/// Serves until `shutdown` is done; then the requests in work are finished. The connections are
/// among the tasks of `connections`, for a caller that does not want to wait so long.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    connections: Tasks,
    shutdown: impl Future<Output = ()>,
) {
    let acceptor = Acceptor {
        bounds,
        places: Arc::new(Semaphore::new(bounds.connections)),
        places_to_refuse: Arc::new(Semaphore::new(BEYOND)),
        refusing: router.clone().layer(from_fn(guard::full)),
        router,
        connections,
        closing: watch::Sender::new(false),
    };
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            taken = listener.accept() => match taken {
                Ok((socket, peer)) => acceptor.take(socket, peer),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    acceptor.closing.send_replace(true);
    acceptor.connections.ended().await;
}

impl Acceptor {
    fn take(&self, socket: TcpStream, peer: SocketAddr) {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let is_beyond = place.is_err();
        if is_beyond {
            metrics::LIMITED.inc(["connections"]);
        }
        let place = place.or_else(|_| Arc::clone(&self.places_to_refuse).try_acquire_owned());
        // dropping the socket closes it
        let Ok(place) = place else { return };
        // what is told live is told at once; a socket that refuses is as good, only slower
        let _ = socket.set_nodelay(true);
        let talk = Talk {
            socket,
            peer,
            router: if is_beyond { self.refusing.clone() } else { self.router.clone() },
            keep_alive: !is_beyond,
            bounds: self.bounds,
            closing: self.closing.subscribe(),
            _open: Open::new(place),
        };
        self.connections.spawn("connection", talk.run());
    }
}

/// A connection's place, and its part of the figure.
struct Open(#[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit);

impl Open {
    fn new(place: OwnedSemaphorePermit) -> Open {
        metrics::CONNECTIONS_OPEN.inc([]);
        Open(place)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::CONNECTIONS_OPEN.dec([]);
    }
}

struct Talk {
    socket: TcpStream,
    peer: SocketAddr,
    router: Router,
    keep_alive: bool,
    bounds: Bounds,
    closing: watch::Receiver<bool>,
    _open: Open,
}

impl Talk {
    async fn run(self) {
        let Talk { socket, peer, router, keep_alive, bounds, mut closing, _open } = self;
        let answer = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request.map(Body::new))
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(bounds.head);
        http.max_buf_size(HEAD_MAX).keep_alive(keep_alive);
        let socket = TokioIo::new(Patient::new(socket, bounds.write));
        let mut connection = pin!(http.serve_connection(socket, answer).with_upgrades());
        let closing = async move {
            // an error: nobody is left to serve
            let _ = closing.wait_for(|closing| *closing).await;
        };
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = closing => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        // whatever else ends a connection is the client's own affair
        if ended.is_err_and(|error| error.is_timeout()) {
            metrics::CONNECTIONS_CUT.inc(["head"]);
        }
    }
}
