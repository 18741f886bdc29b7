//! As much of the ustar format as a backup needs: plain files, short names.

use std::io::{self, Read};

use bytes::{Bytes, BytesMut};

use super::Error;

const BLOCK: usize = 512;
/// Where the fields of a head are, in bytes.
const NAME: std::ops::Range<usize> = 0..100;
const MODE: std::ops::Range<usize> = 100..108;
const OWNER: std::ops::Range<usize> = 108..116;
const GROUP: std::ops::Range<usize> = 116..124;
const SIZE: std::ops::Range<usize> = 124..136;
const TIME: std::ops::Range<usize> = 136..148;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const KIND: usize = 156;
const MAGIC: std::ops::Range<usize> = 257..265;
const USTAR: &[u8] = b"ustar\x0000";
/// Content is told in chunks of at most this many bytes.
const CHUNK: usize = 1024 * 1024;

/// What stands before and after the content of a file. Names have at most 100 bytes.
pub fn around(name: &str, size: usize, unix_time: i64) -> (Bytes, Bytes) {
    let mut head = [0_u8; BLOCK];
    let name = &name.as_bytes()[..name.len().min(NAME.len())];
    head[..name.len()].copy_from_slice(name);
    octal(&mut head[MODE], 0o600);
    octal(&mut head[OWNER], 0);
    octal(&mut head[GROUP], 0);
    octal(&mut head[SIZE], u64::try_from(size).unwrap_or(0));
    octal(&mut head[TIME], u64::try_from(unix_time).unwrap_or(0));
    head[KIND] = b'0';
    head[MAGIC].copy_from_slice(USTAR);
    let sum = checksum(&head);
    octal(&mut head[CHECKSUM], sum);
    let pad = size.next_multiple_of(BLOCK) - size;
    (Bytes::copy_from_slice(&head), Bytes::from(vec![0; pad]))
}

/// What stands at the end of an archive.
pub fn end() -> Bytes {
    Bytes::from_static(&[0; 2 * BLOCK])
}

fn octal(field: &mut [u8], value: u64) {
    let text = format!("{value:0wide$o}\0", wide = field.len() - 1);
    let length = field.len();
    field.copy_from_slice(&text.as_bytes()[text.len() - length..]);
}

/// Of all bytes, its own field counted as spaces.
fn checksum(head: &[u8; BLOCK]) -> u64 {
    let byte = |(at, byte): (usize, &u8)| {
        if CHECKSUM.contains(&at) { u64::from(b' ') } else { u64::from(*byte) }
    };
    head.iter().enumerate().map(byte).sum()
}

/// Reads an archive from its beginning to its end.
pub struct Entries<R> {
    file: R,
    /// Content of the entry that is not read yet, and what fills it up to a block, in bytes.
    left: u64,
    pad: u64,
    position: u64,
}

impl<R: Read> Entries<R> {
    pub fn new(file: R) -> Entries<R> {
        Entries { file, left: 0, pad: 0, position: 0 }
    }

    /// How far the file is read, in bytes.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Name and size of the next entry, what is left of this one passed over; nothing at the
    /// end.
    pub fn next(&mut self) -> Result<Option<(String, u64)>, Error> {
        self.content(|_| Ok(()))?;
        let mut head = [0_u8; BLOCK];
        match self.fill(&mut head) {
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(None);
            }
            filled => filled?,
        }
        if head.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if number(&head[CHECKSUM])? != checksum(&head) || head[MAGIC][..5] != USTAR[..5] {
            return Err(Error::Foreign("it is no tar archive".to_owned()));
        }
        let name = head[NAME].split(|byte| *byte == 0).next().unwrap_or_default();
        let size = number(&head[SIZE])?;
        self.left = size;
        self.pad = size.next_multiple_of(BLOCK as u64) - size;
        Ok(Some((String::from_utf8_lossy(name).into_owned(), size)))
    }

    /// Tells what is left of this entry's content.
    pub fn content(
        &mut self,
        mut tell: impl FnMut(Bytes) -> Result<(), Error>,
    ) -> Result<(), Error> {
        while self.left > 0 {
            let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(CHUNK);
            let mut chunk = BytesMut::zeroed(wanted);
            self.fill(&mut chunk).map_err(cut)?;
            self.left -= wanted as u64;
            tell(chunk.freeze())?;
        }
        let mut pad = [0_u8; BLOCK];
        let wanted = usize::try_from(std::mem::take(&mut self.pad)).unwrap_or(0);
        self.fill(&mut pad[..wanted]).map_err(cut)
    }

    /// Nothing but the end of the archive may follow.
    pub fn finish(mut self) -> Result<(), Error> {
        match self.next()? {
            None => Ok(()),
            Some((name, _)) => Err(Error::Damaged(format!("{name} follows its end"))),
        }
    }

    fn fill(&mut self, into: &mut [u8]) -> Result<(), Error> {
        self.file.read_exact(into)?;
        self.position += into.len() as u64;
        Ok(())
    }
}

fn cut(error: Error) -> Error {
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Error::Damaged("its end is missing".to_owned())
        }
        Error::Io(_) | Error::Foreign(_) | Error::Damaged(_) => error,
    }
}

fn number(field: &[u8]) -> Result<u64, Error> {
    let text = std::str::from_utf8(field).unwrap_or_default();
    let digits = text.trim_matches(|c: char| c == '\0' || c == ' ');
    u64::from_str_radix(digits, 8).map_err(|_| Error::Foreign("it is no tar archive".to_owned()))
}
