//! Events on a real socket, in pieces of any size.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::wire::get;

/// Asks a service that answers with these pieces, one after the other, and closes.
async fn follow(pieces: Vec<Vec<u8>>) -> anyhow::Result<Followed> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut asked = [0; 256];
        assert!(stream.read(&mut asked).await.unwrap() > 0);
        for piece in pieces {
            stream.write_all(&piece).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    Connection::open(address).await?.follow(&get(address, "/live", None)).await
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

#[tokio::test]
async fn events_are_told_one_by_one_however_they_are_cut() {
    let first = "retry: 900\n\nevent: rental\nid: 7-1\ndata: {\"a\":\n";
    let second = "data: 1}\n\n:\n\nevent: rental\ndata: 2\n\n";
    let body = format!(
        "{HEAD}{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len()
    );
    for size in [1, 7, 1_000] {
        let pieces = body.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
        let Followed::Stream(mut events) = follow(pieces).await.unwrap() else {
            panic!("a stream")
        };
        let event = events.next().await.unwrap().unwrap();
        assert_eq!((&*event.name, event.id.as_deref()), ("rental", Some("7-1")));
        assert_eq!(event.data, "{\"a\":1}");
        let event = events.next().await.unwrap().unwrap();
        assert_eq!((event.id, &*event.data), (None, "2"));
        assert_eq!(events.next().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_off_or_makes_no_sense_is_an_error() {
    for body in ["5\r\neve", "not a size\r\n"] {
        let answer = format!("{HEAD}{body}").into_bytes();
        let Followed::Stream(mut events) = follow(vec![answer]).await.unwrap() else {
            panic!("a stream")
        };
        assert!(events.next().await.is_err(), "{body}");
    }
}

#[tokio::test]
async fn who_may_not_follow_is_told_so() {
    let refused = "HTTP/1.1 429 Too Many\r\ncontent-length: 2\r\n\r\n{}";
    let over = "HTTP/1.1 204 No Content\r\n\r\n";
    for (answer, status) in [(refused, 429), (over, 204)] {
        let followed = follow(vec![answer.as_bytes().to_vec()]).await.unwrap();
        let Followed::Answer(answer) = followed else { panic!("no stream") };
        assert_eq!(answer.status, status);
    }
}
