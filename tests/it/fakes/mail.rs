//! A mail server: as much of SMTP as one message needs, with a login, and with faults.

use std::collections::VecDeque;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chargeghar::config::{Config, EmailProvider, Secret, SmtpTls};
use chargeghar::spawn::spawn;
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

const USER: &str = "chargeghar";
const PASSWORD: &str = "password-of-a-story";

/// How the next mail goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This is said to the receiver's address.
    Says(&'static str),
    /// The line is cut in the middle of the mail.
    Cut,
    /// Not even a greeting comes.
    Silent,
}

pub struct Mail {
    pub addr: SocketAddr,
    shelf: Arc<Shelf>,
    server: AbortHandle,
}

#[derive(Default)]
struct Shelf {
    taken: Mutex<Vec<String>>,
    faults: Mutex<VecDeque<Fault>>,
}

impl Mail {
    pub async fn open() -> Mail {
        let shelf = Arc::new(Shelf::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::clone(&shelf);
        let served = spawn("fake", async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shelf = Arc::clone(&shared);
                spawn("fake", async move {
                    let _ = talk(stream, &shelf).await; // whoever calls may hang up
                });
            }
        });
        Mail { addr, shelf, server: served.abort_handle() }
    }

    /// Makes it the one that carries e-mail.
    pub fn configure(&self, config: &mut Config) {
        config.email.provider = EmailProvider::Smtp;
        config.email.from = "ChargeGhar <no-reply@chargeghar.example>".to_owned();
        config.email.smtp_host = self.addr.ip().to_string();
        config.email.smtp_port = self.addr.port();
        config.email.smtp_tls = SmtpTls::Off;
        config.email.smtp_username = USER.to_owned();
        config.email.smtp_password = Secret::new(PASSWORD);
    }

    pub fn fault(&self, fault: Fault) {
        self.shelf.faults.lock().push_back(fault);
    }

    /// Every mail it has taken, with its head.
    pub fn taken(&self) -> Vec<String> {
        self.shelf.taken.lock().clone()
    }
}

impl Drop for Mail {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn talk(stream: TcpStream, shelf: &Shelf) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let fault = shelf.faults.lock().pop_front();
    if fault == Some(Fault::Silent) {
        return pending().await;
    }
    stream.write_all(b"220 mail.example ESMTP\r\n").await?;
    let mut let_in = false;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let word = line.split_whitespace().next().unwrap_or_default().to_uppercase();
        let answer = match (&*word, fault) {
            ("EHLO", _) => "250-mail.example\r\n250 AUTH PLAIN\r\n",
            ("AUTH", _) => {
                let wanted = BASE64_STANDARD.encode(format!("\0{USER}\0{PASSWORD}"));
                let_in = line.trim_end().ends_with(&wanted);
                if let_in { "235 2.7.0 welcome\r\n" } else { "535 5.7.8 who are you\r\n" }
            }
            ("QUIT", _) => {
                return stream.write_all(b"221 bye\r\n").await;
            }
            ("NOOP" | "RSET", _) => "250 ok\r\n",
            (_, _) if !let_in => "530 5.7.0 log in first\r\n",
            ("RCPT", Some(Fault::Says(text))) => text,
            ("MAIL" | "RCPT", _) => "250 ok\r\n",
            ("DATA", Some(Fault::Cut)) => {
                stream.write_all(b"354 go on\r\n").await?;
                stream.read_line(&mut line).await?;
                return Ok(());
            }
            ("DATA", _) => {
                stream.write_all(b"354 go on\r\n").await?;
                let mail = body(&mut stream).await?;
                shelf.taken.lock().push(mail);
                "250 2.0.0 taken\r\n"
            }
            (_, _) => "502 5.5.1 what\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

async fn body(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut mail = String::new();
    loop {
        let start = mail.len();
        let read = stream.read_line(&mut mail).await?;
        if read == 0 || &mail[start..] == ".\r\n" {
            mail.truncate(start);
            return Ok(mail);
        }
    }
}
