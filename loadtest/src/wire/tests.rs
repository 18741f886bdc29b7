//! Answers on a real socket, whole and in pieces.

use tokio::net::TcpListener;

use super::*;

#[test]
fn a_head_is_read_when_it_is_whole() {
    let answer = b"HTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(head(&answer[..30]).unwrap(), None);
    assert_eq!(head(answer).unwrap(), Some(Head { length: 51, status: 404, body: Some(3) }));
    let boundless = head(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    assert_eq!(boundless, Some(Head { length: 19, status: 200, body: None }));
    assert!(head(b"HTTP/1.1 two OK\r\n\r\n").is_err());
}

#[tokio::test]
async fn two_answers_on_one_connection_are_kept_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 256];
        let count = stream.read(&mut asked).await.unwrap();
        assert!(asked[..count].starts_with(b"GET /a HTTP/1.1\r\n"));
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe").await.unwrap();
        stream.write_all(b"llo").await.unwrap();
        assert!(stream.read(&mut asked).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 201 Made\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    };
    let ask = async {
        let mut connection = Connection::open(address).await.unwrap();
        let first = connection.ask(&get(address, "/a", None)).await.unwrap();
        let second = connection.ask(&post(address, "/b", Some("t"), "{}", &[])).await.unwrap();
        (first, second)
    };
    let ((), (first, second)) = tokio::join!(serve, ask);
    assert_eq!((first.status, first.body.as_ref()), (200, &b"hello"[..]));
    assert_eq!(second.status, 201);
}
