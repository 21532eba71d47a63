//! Requests in, replies out.

use std::io::{Result, Write};

use super::info::{KEYS_PER_SLOT, Moment};
use super::settings::SOUND;
use super::table::Table;
use super::{Act, Heard, Node, now};

/// The replies to all complete requests, and how many bytes these take.
pub(super) fn answers(node: &Node, requests: &[u8]) -> (usize, Vec<u8>) {
    let (mut taken, mut out, mut heard) = (0, Vec::new(), Heard::default());
    let (act, table) = node.shown();
    let moment = Moment { node, act, now: now() };
    while let Some((words, length)) = request(&requests[taken..]) {
        taken += length;
        heard.commands += 1;
        heard.infos += u64::from(words == ["INFO"]);
        heard.tables += u64::from(words == ["CLUSTER", "NODES"]);
        if act != Act::Silent {
            answer(&moment, &table, &words, &mut out).unwrap();
        }
    }
    heard.bytes = out.len() as u64;
    node.heard.lock().unwrap().add(heard);
    (taken, out)
}

/// The words of the first request, and its length; `None` while it is not complete.
fn request(bytes: &[u8]) -> Option<(Vec<&str>, usize)> {
    let (count, mut at) = header(bytes, 0, b'*')?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, begins) = header(bytes, at, b'$')?;
        words.push(std::str::from_utf8(bytes.get(begins..begins + length)?).unwrap());
        at = begins + length + 2;
    }
    (at <= bytes.len()).then_some((words, at))
}

fn header(bytes: &[u8], at: usize, kind: u8) -> Option<(usize, usize)> {
    let line = bytes.get(at..)?;
    let end = line.iter().position(|byte| *byte == b'\n')?;
    assert_eq!(line[0], kind, "a client sends arrays of bulk strings");
    let number = std::str::from_utf8(&line[1..end - 1]).unwrap().parse().unwrap();
    Some((number, at + end + 1))
}

fn answer(at: &Moment<'_>, table: &Table, words: &[&str], out: &mut Vec<u8>) -> Result<()> {
    let node = at.node;
    let second = words.get(1).copied().unwrap_or_default();
    match (words[0], second) {
        ("PING", "") => out.write_all(b"+PONG\r\n"),
        ("PING", mark) => bulk(out, |text| text.write_all(mark.as_bytes())),
        ("CLIENT", _) => out.write_all(b"+OK\r\n"),
        ("INFO", "") => bulk(out, |text| at.info(text)),
        ("INFO", "commandstats") => bulk(out, |text| at.command_stats(text)),
        ("CLUSTER", "INFO") => bulk(out, |text| at.cluster_info(table.counts, text)),
        ("CLUSTER", "NODES") => {
            table.write(node.number, at.now, out);
            Ok(())
        }
        ("CLUSTER", "LINKS") => {
            let links = &node.layout.links;
            write!(out, "*{}\r\n", 2 * (links.len() - 1))?;
            out.extend(links[..node.number].iter().flatten());
            out.extend(links[node.number + 1..].iter().flatten());
            Ok(())
        }
        ("CLUSTER", "COUNTKEYSINSLOT") => write!(out, ":{KEYS_PER_SLOT}\r\n"),
        ("CLUSTER", other) => write!(out, "-ERR unknown subcommand '{other}'. Try CLUSTER HELP.\r\n"),
        ("CONFIG", "GET") => settings(&words[2..], out),
        ("LASTSAVE", _) => write!(out, ":{}\r\n", at.now / 1_000_000 - 600),
        ("TIME", _) => {
            out.extend(b"*2\r\n");
            bulk(out, |text| write!(text, "{}", at.now / 1_000_000))?;
            bulk(out, |text| write!(text, "{}", at.now % 1_000_000))
        }
        ("SLOWLOG", "LEN") => out.write_all(b":0\r\n"),
        ("LATENCY", "LATEST") => out.write_all(b"*0\r\n"),
        ("DBSIZE", _) => write!(out, ":{}\r\n", at.keys()),
        (other, _) => write!(out, "-ERR unknown command '{other}', with args beginning with: \r\n"),
    }
}

/// A bulk string of what `write` writes. Its length comes first, and is not known before.
fn bulk(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
    let begins = out.len();
    write(out)?;
    let head = format!("${}\r\n", out.len() - begins);
    out.splice(begins..begins, head.bytes());
    out.write_all(b"\r\n")
}

fn settings(names: &[&str], out: &mut Vec<u8>) -> Result<()> {
    let asked: Vec<_> = SOUND.iter().filter(|(name, _)| names.contains(name)).collect();
    write!(out, "*{}\r\n", 2 * asked.len())?;
    asked.iter().try_for_each(|(name, value)| {
        write!(out, "${}\r\n{name}\r\n${}\r\n{value}\r\n", name.len(), value.len())
    })
}
