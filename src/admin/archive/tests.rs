//! What was packed is what is unpacked; any other file is refused.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::*;
use crate::store::backup::{Extent, Piece};

#[tokio::test]
async fn what_was_packed_is_unpacked() {
    let pieces = pieces();

    let file = packed(pieces.clone()).await.unwrap();
    let manifest = verify(&file[..], |_| ()).unwrap();

    assert_eq!((manifest.rows(), manifest.schema, manifest.tables.len()), (5, 7, 3));
    assert_eq!(unpacked(&file, &manifest), pieces);
}

#[tokio::test]
async fn rows_beyond_one_part_are_put_together_again() {
    let row = [vec![b'x'; 1023], vec![b'\n']].concat();
    let rows = Bytes::from(row.repeat(9 * 1024));
    let table = Piece::Table { name: "frames".into(), columns: vec!["a".into()] };
    let many = vec![table, Piece::Rows(rows), Piece::End { rows: 9216 }, Piece::Done { schema: 7 }];

    let file = packed(many.clone()).await.unwrap();
    let manifest = verify(&file[..], |_| ()).unwrap();

    assert_eq!(manifest.tables[0].bytes, 9 * 1024 * 1024);
    assert_eq!(unpacked(&file, &manifest), many);
}

#[tokio::test]
async fn a_backup_that_ends_early_is_an_error_in_its_stream() {
    let mut cut = pieces();
    cut.pop();

    assert!(packed(cut).await.is_err());
}

#[tokio::test]
async fn a_file_that_was_cut_or_changed_is_refused() {
    let file = packed(pieces()).await.unwrap();
    for end in [0, 100, 512, 513, 1024, 2000, file.len() - 1537] {
        assert!(verify(&file[..end], |_| ()).is_err(), "cut at {end} of {}", file.len());
    }
    let mut refused = 0;
    for at in 0..file.len() {
        let mut bent = file.clone();
        bent[at] ^= 1;
        refused += usize::from(verify(&bent[..], |_| ()).is_err());
    }
    // what does not matter is padding, times and what stands after the end
    assert!(refused > 900, "{refused} of {}", file.len());
    for at in file.windows(3).enumerate().filter(|(_, w)| w == b"1\ta").map(|(at, _)| at) {
        let mut bent = file.clone();
        bent[at] = b'2';
        assert!(matches!(verify(&bent[..], |_| ()), Err(Error::Damaged(_))), "at {at}");
    }
}

#[test]
fn a_foreign_file_is_refused() {
    for file in [&b"hello"[..], &[b'x'; 2048], b"PK\x03\x04"] {
        assert!(verify(file, |_| ()).is_err());
    }
}

fn pieces() -> Vec<Piece> {
    let table = |name: &str| Piece::Table { name: name.into(), columns: vec!["a".into()] };
    vec![
        table("stations"),
        Piece::Rows("1\ta\n2\tb\n".into()),
        Piece::End { rows: 2 },
        table("empty"),
        Piece::End { rows: 0 },
        table("riders"),
        Piece::Rows("1\tx\n2\ty\n3\tz\n".into()),
        Piece::End { rows: 3 },
        Piece::Done { schema: 7 },
    ]
}

async fn packed(pieces: Vec<Piece>) -> Result<Vec<u8>, io::Error> {
    let (send, receive) = mpsc::channel(pieces.len().max(1));
    for piece in pieces {
        send.send(Ok(piece)).await.unwrap();
    }
    drop(send);
    let mut chunks = pack(receive, Extent::Facts, DateTime::<Utc>::UNIX_EPOCH);
    let mut file = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        file.extend(chunk?);
    }
    Ok(file)
}

/// All pieces; the rows of a table in one.
fn unpacked(file: &[u8], manifest: &Manifest) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    unpack(file, manifest, |piece, _| {
        match (pieces.last_mut(), piece) {
            (Some(Piece::Rows(before)), Piece::Rows(more)) => {
                *before = [&before[..], &more[..]].concat().into();
            }
            (_, piece) => pieces.push(piece),
        }
        true
    })
    .unwrap();
    pieces
}
