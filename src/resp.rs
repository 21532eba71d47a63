//! RESP2 bytes and replies. Strict: what is read is one whole reply and nothing more; where one ends among bytes that
//! come in pieces, [`Framing`] tells.

mod framing;

use crate::model::reply::Reply;
pub use framing::Framing;

/// How deep arrays may lie in each other; no server nests deeper than four.
const MAX_DEPTH: usize = 16;

/// Why bytes are not one RESP2 reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct RespError {
    /// What was wanted or found.
    pub what: &'static str,
    /// Offset in the bytes.
    pub at: usize,
}

/// Reads one reply that takes up all of `bytes`.
pub fn parse(bytes: &[u8]) -> Result<Reply, RespError> {
    let mut reader = Reader { bytes, at: 0 };
    let reply = reader.reply(0)?;
    if reader.at < bytes.len() {
        return Err(reader.error("bytes after the end of the reply"));
    }
    Ok(reply)
}

/// Appends a reply as RESP2.
pub fn print(reply: &Reply, out: &mut Vec<u8>) {
    match reply {
        Reply::Status(text) => out.extend_from_slice(format!("+{text}\r\n").as_bytes()),
        Reply::Error { code, text } if text.is_empty() => {
            out.extend_from_slice(format!("-{code}\r\n").as_bytes());
        }
        Reply::Error { code, text } => out.extend_from_slice(format!("-{code} {text}\r\n").as_bytes()),
        Reply::Int(n) => out.extend_from_slice(format!(":{n}\r\n").as_bytes()),
        Reply::Bulk(bytes) => {
            out.extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
            out.extend_from_slice(bytes);
            out.extend_from_slice(b"\r\n");
        }
        Reply::Array(items) => {
            out.extend_from_slice(format!("*{}\r\n", items.len()).as_bytes());
            for item in items {
                print(item, out);
            }
        }
        Reply::Nil => out.extend_from_slice(b"$-1\r\n"),
    }
}

/// A number as servers write them: no plus sign, no leading zeros.
fn whole_number(text: &[u8]) -> Option<i64> {
    if matches!(text, [b'+', ..] | [b'0', _, ..] | [b'-', b'0', ..]) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, what: &'static str) -> RespError {
        RespError { what, at: self.at }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// The bytes up to the next CRLF, which is passed over.
    fn line(&mut self) -> Result<&'a [u8], RespError> {
        let rest = self.rest();
        let end = memchr::memchr2(b'\r', b'\n', rest).ok_or(self.error("no end of line"))?;
        if rest.get(end..end + 2) != Some(b"\r\n") {
            return Err(self.error("a line that does not end with CRLF"));
        }
        self.at += end + 2;
        Ok(&rest[..end])
    }

    fn number(&mut self) -> Result<i64, RespError> {
        let wrong = self.error("not a whole number");
        whole_number(self.line()?).ok_or(wrong)
    }

    /// A length of elements that are at least `size` bytes long each, or `None` for -1.
    fn length(&mut self, size: usize) -> Result<Option<usize>, RespError> {
        let wrong = self.error("a length that the bytes cannot hold");
        let number = self.number()?;
        let limit = self.rest().len() / size;
        match number {
            -1 => Ok(None),
            n => usize::try_from(n).ok().filter(|n| *n <= limit).map(Some).ok_or(wrong),
        }
    }

    fn reply(&mut self, depth: usize) -> Result<Reply, RespError> {
        let Some(kind) = self.rest().first() else {
            return Err(self.error("the end where a reply should begin"));
        };
        let wrong = self.error("no reply begins with this byte");
        self.at += 1;
        match kind {
            b'+' => Ok(Reply::Status(String::from_utf8_lossy(self.line()?).into_owned())),
            b'-' => Ok(Reply::error(&String::from_utf8_lossy(self.line()?))),
            b':' => Ok(Reply::Int(self.number()?)),
            b'$' => self.bulk(),
            b'*' => self.array(depth),
            _ => Err(wrong),
        }
    }

    fn bulk(&mut self) -> Result<Reply, RespError> {
        let Some(length) = self.length(1)? else { return Ok(Reply::Nil) };
        let rest = self.rest();
        if rest.get(length..length + 2) != Some(b"\r\n") {
            return Err(self.error("a bulk reply of another length than it says"));
        }
        self.at += length + 2;
        Ok(Reply::Bulk(rest[..length].to_vec()))
    }

    fn array(&mut self, depth: usize) -> Result<Reply, RespError> {
        if depth == MAX_DEPTH {
            return Err(self.error("arrays nested too deep"));
        }
        // The shortest element is three bytes long: a count cannot make us reserve more than the file can fill.
        let Some(count) = self.length(3)? else { return Ok(Reply::Nil) };
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.reply(depth + 1)?);
        }
        Ok(Reply::Array(items))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(super) fn reply() -> impl Strategy<Value = Reply> {
        let leaf = prop_oneof![
            "[^\r\n]{0,20}".prop_map(Reply::Status),
            ("[A-Z]{1,8}", "[^\r\n]{0,20}").prop_map(|(code, text)| Reply::Error { code, text }),
            any::<i64>().prop_map(Reply::Int),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(Reply::Bulk),
            Just(Reply::Nil),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| proptest::collection::vec(inner, 0..6).prop_map(Reply::Array))
    }

    /// What the client library has read, as ours.
    fn of_another(value: redis::Value) -> Option<Reply> {
        Some(match value {
            redis::Value::Nil => Reply::Nil,
            redis::Value::Int(n) => Reply::Int(n),
            redis::Value::BulkString(bytes) => Reply::Bulk(bytes),
            redis::Value::SimpleString(text) => Reply::Status(text),
            redis::Value::Okay => Reply::Status("OK".to_owned()),
            redis::Value::Array(items) => {
                Reply::Array(items.into_iter().map(of_another).collect::<Option<_>>()?)
            }
            redis::Value::ServerError(error) => Reply::Error {
                code: error.code().to_owned(),
                text: error.details().unwrap_or_default().to_owned(),
            },
            _ => return None,
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(reply in reply()) {
            let mut bytes = Vec::new();
            print(&reply, &mut bytes);
            prop_assert_eq!(parse(&bytes), Ok(reply));
            // Every strict prefix is refused: nothing cut short passes for whole.
            for end in 0..bytes.len() {
                prop_assert!(parse(&bytes[..end]).is_err());
            }
        }

        #[test]
        fn another_reader_reads_the_same(reply in reply()) {
            let mut bytes = Vec::new();
            print(&reply, &mut bytes);
            prop_assert_eq!(redis::parse_redis_value(&bytes).ok().and_then(of_another), Some(reply));
        }

        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(
            prop_oneof![Just(b'*'), Just(b'$'), Just(b':'), Just(b'-'), Just(b'\r'), Just(b'\n'), b'0'..=b'9', any::<u8>()],
            0..60,
        )) {
            if let Ok(reply) = parse(&bytes) {
                let mut again = Vec::new();
                print(&reply, &mut again);
                prop_assert_eq!(parse(&again), Ok(reply));
            }
        }
    }

    #[test]
    fn refuses_what_is_not_one_whole_reply() {
        for (bytes, what) in [
            (&b""[..], "the end where a reply should begin"),
            (b"+OK\r\n+OK\r\n", "bytes after the end of the reply"),
            (b"+OK\n", "a line that does not end with CRLF"),
            (b":1", "no end of line"),
            (b":+1\r\n", "not a whole number"),
            (b":01\r\n", "not a whole number"),
            (b"$5\r\nab\r\n", "a length that the bytes cannot hold"),
            (b"$1\r\nab\r\n", "a bulk reply of another length than it says"),
            (b"$-2\r\n", "a length that the bytes cannot hold"),
            (b"*2\r\n:1\r\n", "a length that the bytes cannot hold"),
            (b"=3\r\ntxt\r\n", "no reply begins with this byte"),
        ] {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(parse(bytes).map_err(|e| e.what), Err(what), "{text:?}");
        }
        let deep = b"*1\r\n".repeat(MAX_DEPTH + 1);
        assert_eq!(
            parse(&[&deep[..], b":1\r\n"].concat()).map_err(|e| e.what),
            Err("arrays nested too deep")
        );
    }
}
