//! The acceptor on a real socket.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Bounds, serve};
use crate::spawn::{Tasks, spawn};

const SOON: Duration = Duration::from_secs(20);
const GET: &[u8] = b"GET /api/x HTTP/1.1\r\nhost: here\r\n\r\n";

#[tokio::test]
async fn who_dribbles_the_head_of_a_request_is_cut_and_others_are_served() {
    let house = House::with(Bounds { head: Duration::from_millis(300), ..bounds() }).await;
    let mut slow = house.client().await;
    let mut quick = house.client().await;

    let dribble = async {
        for byte in GET.iter().cycle().filter(|byte| **byte != b'\n') {
            if slow.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let answer = async { ask(&mut quick, GET).await };
    let (dribbled, answer) = tokio::join!(timeout(SOON, dribble), answer);

    assert!(dribbled.is_ok(), "nobody has ended the connection");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn beyond_the_bound_only_what_is_never_turned_away_is_heard() {
    let house = House::with(Bounds { connections: 2, ..bounds() }).await;
    let mut kept = [house.client().await, house.client().await];
    for client in &mut kept {
        assert!(ask(client, GET).await.starts_with("HTTP/1.1 200"));
    }

    let refused = ask(&mut house.client().await, GET).await;
    let heard = b"GET /healthz HTTP/1.1\r\nhost: here\r\n\r\n";
    let heard = ask(&mut house.client().await, heard).await;

    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("connection: close") && refused.contains("retry-after: 1"));
    assert!(refused.contains(r#""code":"overloaded""#), "{refused}");
    assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");

    let [first, second] = kept;
    drop((first, second));
    let again = async {
        while !ask(&mut house.client().await, GET).await.starts_with("HTTP/1.1 200") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, again).await.expect("a place that is free again");
}

#[tokio::test]
async fn a_reader_who_does_not_read_is_cut() {
    let house = House::with(Bounds { write: Duration::from_millis(300), ..bounds() }).await;
    let mut client = house.client().await;

    client.write_all(b"GET /large HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();

    timeout(SOON, house.until_alone()).await.expect("the connection is ended");
}

#[tokio::test]
async fn at_the_end_requests_in_work_are_answered_and_idle_connections_closed() {
    let house = House::with(bounds()).await;
    let (mut busy, mut idle) = (house.client().await, house.client().await);
    assert!(ask(&mut idle, GET).await.starts_with("HTTP/1.1 200"));
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
    timeout(SOON, house.slow.notified()).await.unwrap();

    house.shutdown.send(()).unwrap();

    let mut rest = Vec::new();
    timeout(SOON, idle.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(rest.is_empty());
    house.go_on.notify_one();
    timeout(SOON, busy.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(String::from_utf8(rest).unwrap().ends_with("at last"));
    timeout(SOON, house.served).await.unwrap().unwrap();
}

struct House {
    addr: std::net::SocketAddr,
    connections: Tasks,
    slow: std::sync::Arc<tokio::sync::Notify>,
    go_on: std::sync::Arc<tokio::sync::Notify>,
    shutdown: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<()>,
}

impl House {
    async fn with(bounds: Bounds) -> House {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let connections = Tasks::new();
        let (slow, go_on) = <(std::sync::Arc<tokio::sync::Notify>, _)>::default();
        let (begun, ends) = (std::sync::Arc::clone(&slow), std::sync::Arc::clone(&go_on));
        let wait = async move || {
            begun.notify_one();
            let ends: std::sync::Arc<tokio::sync::Notify> = ends;
            ends.notified().await;
            "at last"
        };
        let router = Router::new()
            .route("/api/x", get(async || "x"))
            .route("/healthz", get(async || "well"))
            .route("/large", get(async || vec![0; 64 << 20]))
            .route("/slow", get(wait));
        let (shutdown, asked) = oneshot::channel();
        let shut = async move { asked.await.unwrap_or_default() };
        let served = spawn("http", serve(listener, router, bounds, connections.clone(), shut));
        House { addr, connections, slow, go_on, shutdown, served }
    }

    async fn client(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    async fn until_alone(&self) {
        while self.connections.is_empty() {
            tokio::task::yield_now().await;
        }
        self.connections.ended().await;
    }
}

/// Asks, and reads until the answer's head and some of its body are there.
async fn ask(client: &mut TcpStream, request: &[u8]) -> String {
    client.write_all(request).await.unwrap();
    let mut answer = vec![0; 4_096];
    let length = timeout(SOON, client.read(&mut answer)).await.unwrap().unwrap();
    String::from_utf8(answer[..length].to_vec()).unwrap()
}

fn bounds() -> Bounds {
    Bounds { connections: 100, head: SOON, write: SOON }
}
