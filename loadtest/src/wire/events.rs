//! Server-sent events over a connection of their own, as they come: a body without a length, in
//! chunks. Reads what a browser would; asks nothing again.

use anyhow::{Context, bail, ensure};
use bytes::{Buf, BytesMut};

use super::{Answer, Connection, head};

#[cfg(test)]
mod tests;

/// Longest event.
const EVENT_MAX: usize = 256 * 1024;

/// What somebody is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub name: String,
    /// Its place: what is named when the stream is opened again.
    pub id: Option<String>,
    pub data: String,
}

/// What a question for a stream gets.
pub enum Followed {
    Stream(Events),
    /// It is refused, or there is nothing to follow.
    Answer(Answer),
}

/// A stream that is open.
pub struct Events {
    connection: Connection,
    /// Of the chunk that is being read; none between two.
    left: Option<usize>,
    text: BytesMut,
    is_over: bool,
}

impl Connection {
    /// Asks for a stream.
    pub async fn follow(mut self, request: &[u8]) -> anyhow::Result<Followed> {
        self.send(request).await?;
        let head = loop {
            match head(&self.input)? {
                Some(head) => break head,
                None => self.read().await?,
            }
        };
        match (head.status, head.body) {
            (200, None) => {
                self.input.advance(head.length);
                let text = BytesMut::new();
                Ok(Followed::Stream(Events { connection: self, left: None, text, is_over: false }))
            }
            (204, _) => Ok(Followed::Answer(Answer { status: 204, body: bytes::Bytes::new() })),
            (_, _) => Ok(Followed::Answer(self.whole(head).await?)),
        }
    }
}

impl Events {
    /// The next event with a name; none at the end. May be dropped at any time.
    pub async fn next(&mut self) -> anyhow::Result<Option<Event>> {
        loop {
            while let Some(event) = self.event()? {
                if !event.name.is_empty() {
                    return Ok(Some(event));
                }
            }
            if self.is_over {
                return Ok(None);
            }
            if !self.unpack()? {
                self.connection.read().await?;
            }
        }
    }

    /// The first whole event of the text.
    fn event(&mut self) -> anyhow::Result<Option<Event>> {
        let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") else {
            ensure!(self.text.len() <= EVENT_MAX, "an event has no end");
            return Ok(None);
        };
        let text = self.text.split_to(end + 2);
        let mut event = Event::default();
        for line in std::str::from_utf8(&text).context("an event is no text")?.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut event.name),
                "id" => event.id = Some(value.to_owned()),
                "data" => event.data += value,
                _ => {}
            }
        }
        Ok(Some(event))
    }

    /// Takes what there is of a chunk; false when more has to come.
    fn unpack(&mut self) -> anyhow::Result<bool> {
        let input = &mut self.connection.input;
        let Some(left) = self.left else {
            let Some(end) = input.windows(2).position(|two| two == b"\r\n") else {
                if input.len() > 64 {
                    bail!("a chunk has no size");
                }
                return Ok(false);
            };
            let size = std::str::from_utf8(&input[..end]).unwrap_or_default();
            let size = size.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).context("a chunk has no size")?;
            input.advance(end + 2);
            self.is_over = size == 0;
            self.left = (size > 0).then_some(size);
            return Ok(true);
        };
        // the two bytes after it belong to it
        if left == 0 {
            if input.len() < 2 {
                return Ok(false);
            }
            input.advance(2);
            self.left = None;
            return Ok(true);
        }
        let taken = left.min(input.len());
        self.text.extend_from_slice(&input.split_to(taken));
        self.left = Some(left - taken);
        Ok(taken > 0)
    }
}
