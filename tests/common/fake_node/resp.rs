//! RESP2 on the server's side: requests in, replies out.

use redis_cluster_exporter::model::reply::Reply;

/// Takes one request off the front of `buffer`; `None` while it is not complete.
pub fn take_request(buffer: &mut Vec<u8>) -> Option<Vec<String>> {
    let (count, mut at) = take_header(buffer, 0, b'*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let (length, start) = take_header(buffer, at, b'$')?;
        let word = buffer.get(start..start + length)?;
        words.push(String::from_utf8_lossy(word).into_owned());
        at = start + length + 2;
    }
    if buffer.len() < at {
        return None;
    }
    buffer.drain(..at);
    Some(words)
}

fn take_header(buffer: &[u8], at: usize, kind: u8) -> Option<(usize, usize)> {
    let line = buffer.get(at..)?;
    let end = line.windows(2).position(|pair| pair == b"\r\n")?;
    assert_eq!(line[0], kind, "a client sends arrays of bulk strings");
    let number = std::str::from_utf8(&line[1..end]).ok()?.parse().ok()?;
    Some((number, at + end + 2))
}

/// Writes one reply.
pub fn put(out: &mut Vec<u8>, reply: &Reply) {
    match reply {
        Reply::Status(text) => out.extend(format!("+{text}\r\n").into_bytes()),
        Reply::Error { code, text } if text.is_empty() => out.extend(format!("-{code}\r\n").into_bytes()),
        Reply::Error { code, text } => out.extend(format!("-{code} {text}\r\n").into_bytes()),
        Reply::Int(n) => out.extend(format!(":{n}\r\n").into_bytes()),
        Reply::Nil => out.extend(b"$-1\r\n"),
        Reply::Bulk(bytes) => {
            out.extend(format!("${}\r\n", bytes.len()).into_bytes());
            out.extend(bytes);
            out.extend(b"\r\n");
        }
        Reply::Array(items) => {
            out.extend(format!("*{}\r\n", items.len()).into_bytes());
            for item in items {
                put(out, item);
            }
        }
    }
}
