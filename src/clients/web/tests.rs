//! What silence means, on real sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use super::{BODY_MAX, Error, Web};

#[tokio::test]
async fn an_answer_is_an_answer_whatever_its_status() {
    let text = "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno";

    let heard = ask(server(text.as_bytes().to_vec())).await.unwrap();

    assert_eq!((heard.status, heard.retry_after, &heard.body[..]), (429, Some(7), &b"no"[..]));
    assert!(!heard.is_ok());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let text = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";

    assert_eq!(ask(server(text.as_bytes().to_vec())).await.unwrap().status, 302);
}

#[tokio::test]
async fn what_did_not_leave_is_told_from_what_may_have_been_done() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(ask(nobody).await, Err(Error::Unreached(_))));

    // the request was read, then the line broke
    assert!(matches!(ask(server(Vec::new())).await, Err(Error::Silent(_))));
}

#[tokio::test]
async fn a_body_has_a_bound() {
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", BODY_MAX + 1);
    answer.push_str(&" ".repeat(BODY_MAX + 1));

    let refused = ask(server(answer.into_bytes())).await;

    assert_eq!(refused, Err(Error::Silent("the answer is too large".to_owned())));
}

async fn ask(addr: SocketAddr) -> Result<super::Heard, Error> {
    let web = Web::new().unwrap();
    web.send(web.get(&format!("http://{addr}/"))).await
}

/// Reads one request, says this, and hangs up.
fn server(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(&answer); // the client may have hung up by then
    });
    addr
}
