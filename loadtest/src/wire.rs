//! HTTP/1.1 over one kept connection, with as little work as can be: what measures should cost
//! less than what is measured. Reads answers with a length, and
//! streams of events; knows nothing of the API.

use std::fmt::Write;
use std::net::SocketAddr;

use anyhow::{Context, bail};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub mod events;
#[cfg(test)]
mod tests;

/// Longest head of an answer.
const HEAD_MAX: usize = 16 * 1024;

/// A connection that asks one question at a time.
pub struct Connection {
    stream: TcpStream,
    input: BytesMut,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Bytes,
}

/// The first part of an answer: where it ends, and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    length: usize,
    status: u16,
    /// Its length, where it has one.
    body: Option<usize>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, input: BytesMut::with_capacity(16 * 1024) })
    }

    /// Sends a whole request and waits for the whole answer.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer> {
        self.send(request).await?;
        loop {
            if let Some(head) = head(&self.input)? {
                return self.whole(head).await;
            }
            self.read().await?;
        }
    }

    async fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(request).await?)
    }

    /// The answer that this is the head of.
    async fn whole(&mut self, head: Head) -> anyhow::Result<Answer> {
        let body = head.body.context("the answer has no length")?;
        while self.input.len() < head.length + body {
            self.read().await?;
        }
        self.input.advance(head.length);
        Ok(Answer { status: head.status, body: self.input.split_to(body).freeze() })
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.input).await? == 0 {
            bail!("the connection was closed");
        }
        Ok(())
    }
}

/// A question without a body.
pub fn get(address: SocketAddr, path: &str, token: Option<&str>) -> Vec<u8> {
    request("GET", address, path, token, None, &[])
}

/// The same for a stream, from the place of the last word on.
pub fn get_from(
    address: SocketAddr,
    path: &str,
    token: Option<&str>,
    last: Option<&str>,
) -> Vec<u8> {
    let last = last.map(|last| ("last-event-id", last));
    request("GET", address, path, token, None, last.as_slice())
}

/// A question with a JSON body, and further headers.
pub fn post(
    address: SocketAddr,
    path: &str,
    token: Option<&str>,
    json: &str,
    headers: &[(&str, &str)],
) -> Vec<u8> {
    request("POST", address, path, token, Some(json), headers)
}

fn request(
    method: &str,
    address: SocketAddr,
    path: &str,
    token: Option<&str>,
    json: Option<&str>,
    headers: &[(&str, &str)],
) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n");
    for (name, value) in headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    if let Some(token) = token {
        let _ = write!(text, "authorization: Bearer {token}\r\n");
    }
    match json {
        None => text += "\r\n",
        Some(json) => {
            let length = json.len();
            text += "content-type: application/json\r\n";
            let _ = write!(text, "content-length: {length}\r\n\r\n{json}");
        }
    }
    text.into_bytes()
}

/// The head, once all of it has come.
fn head(input: &[u8]) -> anyhow::Result<Option<Head>> {
    let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") else {
        if input.len() > HEAD_MAX {
            bail!("the head of the answer has no end");
        }
        return Ok(None);
    };
    let text = std::str::from_utf8(&input[..end]).context("the head of the answer is no text")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    Ok(Some(Head {
        length: end + 4,
        status: status.context("the answer has no status")?,
        body: length,
    }))
}
