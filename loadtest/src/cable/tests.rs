//! A cable before a part that says everything back.

use std::time::Duration;

use tokio::time::timeout;

use super::*;

const LONG: Duration = Duration::from_secs(20);

/// Says back what it hears; keeps what it heard.
async fn echo() -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let notes = Arc::clone(&notes);
            tokio::spawn(async move {
                let mut buffer = [0; 1024];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    notes.lock().unwrap().extend_from_slice(&buffer[..count]);
                    if stream.write_all(&buffer[..count]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, heard)
}

/// What comes back; nothing when the connection is gone.
async fn said(stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    let mut back = vec![0; bytes.len()];
    let asked = async {
        stream.write_all(bytes).await?;
        stream.read_exact(&mut back).await
    };
    match timeout(LONG, asked).await.unwrap() {
        Ok(_) => back,
        Err(_) => Vec::new(),
    }
}

async fn heard(notes: &Mutex<Vec<u8>>, bytes: &[u8]) -> bool {
    let all = async {
        while !notes.lock().unwrap().ends_with(bytes) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LONG, all).await.is_ok()
}

#[tokio::test]
async fn a_cable_passes_everything_until_it_is_cut_and_again_when_it_is_mended() {
    let (address, _) = echo().await;
    let cable = Cable::to(Far::Tcp(address)).await.unwrap();
    let mut first = TcpStream::connect(cable.address()).await.unwrap();
    assert_eq!(said(&mut first, b"one").await, b"one");
    cable.cut();
    assert_eq!(said(&mut first, b"two").await, b"");
    let mut second = TcpStream::connect(cable.address()).await.unwrap();
    assert_eq!(said(&mut second, b"three").await, b"");
    cable.mend();
    let mut third = TcpStream::connect(cable.address()).await.unwrap();
    assert_eq!(said(&mut third, b"four").await, b"four");
}

#[tokio::test]
async fn a_commit_breaks_before_it_arrives_or_before_its_answer_does() {
    let (address, notes) = echo().await;
    let cable = Cable::to(Far::Tcp(address)).await.unwrap();
    cable.break_commits(&[Break::AfterCommit, Break::BeforeCommit]);
    let mut other = TcpStream::connect(cable.address()).await.unwrap();
    assert_eq!(said(&mut other, b"select").await, b"select");
    let mut after = TcpStream::connect(cable.address()).await.unwrap();
    assert_eq!(said(&mut after, COMMIT).await, b"", "no answer");
    assert!(heard(&notes, COMMIT).await, "it arrived");
    assert_eq!(said(&mut other, b"between").await, b"between", "the others go on");
    let mut before = TcpStream::connect(cable.address()).await.unwrap();
    assert_eq!(said(&mut before, COMMIT).await, b"");
    assert!(!notes.lock().unwrap().ends_with(COMMIT), "it never arrived");
    assert_eq!(cable.broken(), 2);
    let mut last = TcpStream::connect(cable.address()).await.unwrap();
    assert_eq!(said(&mut last, COMMIT).await, COMMIT);
}

#[tokio::test]
async fn a_commit_that_is_forgiven_comes_through() {
    let (address, _) = echo().await;
    let cable = Cable::to(Far::Tcp(address)).await.unwrap();
    cable.break_commits(&[Break::AfterCommit]);
    cable.forgive();
    let mut stream = TcpStream::connect(cable.address()).await.unwrap();
    assert_eq!(said(&mut stream, COMMIT).await, COMMIT);
    assert_eq!(cable.broken(), 0);
}
