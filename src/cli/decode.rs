//! `chargeghar decode`: frames in hexadecimal, one JSON line each. Needs no node, no settings
//! and no network.

use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;

use clap::Args;
use devices::a8;
use serde_json::Value;

use super::Format;

#[cfg(test)]
mod tests;

/// The longest line that is read, in bytes: a frame of 65,535 bytes with `0x` and a comma at
/// each.
const LINE_MAX: usize = 512 * 1024;

#[derive(Args)]
#[command(after_help = "Exit codes: 0 every frame is good, 1 at least one is not.\n\
    Spaces, commas, colons, dashes and 0x between the digits do not matter. What follows # or \
    // is a comment; of stdin, every line that is more than a comment is one frame.")]
pub struct Arguments {
    /// One frame; several words are read as one. A single dash reads stdin, one frame per line
    #[arg(required = true, value_name = "HEX|-")]
    frame: Vec<String>,
    #[command(flatten)]
    format: Format,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let _ = arguments.format.json; // its output is JSON either way
    let out = io::stdout().lock();
    let good = match arguments.frame.as_slice() {
        [dash] if dash == "-" => decode(io::stdin().lock(), out)?,
        words => decode_one(&words.join(" "), out)?,
    };
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One JSON line for each line that has a frame; answers whether all of them are good.
fn decode(mut input: impl BufRead, mut out: impl Write) -> io::Result<bool> {
    let mut good = true;
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = u64::try_from(LINE_MAX).unwrap_or(u64::MAX);
        if input.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() == LINE_MAX && !line.ends_with(b"\n") {
            input.skip_until(b'\n')?;
            good &= say_no_frame(&format!("the line is longer than {LINE_MAX} bytes"), &mut out)?;
            continue;
        }
        let text = String::from_utf8_lossy(&line);
        match bytes(&text) {
            Ok(bytes) if bytes.is_empty() && is_comment(&text) => {}
            Ok(bytes) => good &= say(&bytes, &mut out)?,
            Err(why) => good &= say_no_frame(&why, &mut out)?,
        }
        out.flush()?;
    }
    Ok(good)
}

fn decode_one(text: &str, mut out: impl Write) -> io::Result<bool> {
    match bytes(text) {
        Ok(bytes) => say(&bytes, &mut out),
        Err(why) => say_no_frame(&why, &mut out),
    }
}

fn say(bytes: &[u8], out: &mut impl Write) -> io::Result<bool> {
    let description = a8::describe(bytes);
    writeln!(out, "{description}")?;
    Ok(description.is_ok())
}

fn say_no_frame(why: &str, out: &mut impl Write) -> io::Result<bool> {
    // written by hand for the order of the fields, which is that of every other line
    writeln!(out, r#"{{"ok":false,"error":"bad_hex","detail":{}}}"#, Value::from(why))?;
    Ok(false)
}

/// A line that is only a comment; an empty one is a frame without bytes, so that as many lines
/// come out as went in.
fn is_comment(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with('#') || text.starts_with("//")
}

/// The bytes of one line, its comment left out.
fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let comment = [text.find('#'), text.find("//")].into_iter().flatten().min();
    let text = &text[..comment.unwrap_or(text.len())];
    let separates = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | ':' | '-' | '_' | '\\');
    let mut digits = String::with_capacity(text.len());
    for word in text.split(separates).filter(|word| !word.is_empty()) {
        let bare = ["0x", "0X", "x"].iter().find_map(|prefix| word.strip_prefix(prefix));
        match bare {
            Some(digit) if digit.len() == 1 => digits.extend(["0", digit]),
            Some(rest) => digits.push_str(rest),
            None => digits.push_str(word),
        }
    }
    if let Some(stranger) = digits.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(format!("{stranger:?} is no hexadecimal digit"));
    }
    hex::decode(&digits).map_err(|_| format!("{} digits: a byte has two", digits.len()))
}
