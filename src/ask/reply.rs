//! From the values of the client library to ours, and a short form of them for people.

use redis::Value;

use crate::model::failure::AskError;
use crate::model::reply::Reply;

/// Characters that are kept of the line of an error reply.
const LONGEST_ERROR: usize = 512;
/// Bytes that are shown of a reply that does not fit.
const SHOWN: usize = 64;

/// Takes a value over without copying its text.
///
/// # Errors
/// It is of a type that RESP2 does not have.
pub(super) fn from_value(value: Value) -> Result<Reply, AskError> {
    Ok(match value {
        Value::Nil => Reply::Nil,
        Value::Int(n) => Reply::Int(n),
        Value::BulkString(bytes) => Reply::Bulk(bytes),
        Value::SimpleString(text) => Reply::Status(text),
        Value::Okay => Reply::Status("OK".to_owned()),
        Value::Array(items) => Reply::Array(items.into_iter().map(from_value).collect::<Result<_, _>>()?),
        Value::ServerError(error) => Reply::Error {
            code: error.code().chars().take(LONGEST_ERROR).collect(),
            text: error.details().unwrap_or_default().chars().take(LONGEST_ERROR).collect(),
        },
        _ => return Err(AskError::Protocol("a reply of RESP3 on a connection of RESP2".to_owned())),
    })
}

/// Type and first bytes.
pub(super) fn brief(reply: &Reply) -> String {
    match reply {
        Reply::Status(text) => format!("the status {}", excerpt(text.as_bytes())),
        Reply::Error { code, text } => format!("the error {}", excerpt(format!("{code} {text}").as_bytes())),
        Reply::Int(n) => format!("the integer {n}"),
        Reply::Bulk(bytes) => format!("{} bytes that begin with {}", bytes.len(), excerpt(bytes)),
        Reply::Array(items) => format!("an array of {}", items.len()),
        Reply::Nil => "nothing".to_owned(),
    }
}

/// At most the first 64 bytes, in quotes and escaped.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN).unwrap_or(bytes);
    format!("\"{}\"", shown.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_error_line_is_cut() {
        let text = format!("ERR {}", "x".repeat(100_000));
        let value = redis::parse_redis_value(format!("-{text}\r\n").as_bytes()).unwrap();
        let Reply::Error { code, text } = from_value(value).unwrap() else { panic!("no error") };
        assert_eq!((code.as_str(), text.len()), ("ERR", 512));
    }

    #[test]
    fn resp3_is_refused_at_any_depth() {
        let value = Value::Array(vec![Value::Int(1), Value::Map(Vec::new())]);
        assert_eq!(from_value(value).unwrap_err().kind(), "protocol");
    }

    #[test]
    fn shows_no_more_than_the_beginning() {
        assert_eq!(excerpt(b"a\x00\xff\""), r#""a\x00\xff\"""#);
        assert!(brief(&Reply::Bulk(vec![b'x'; 10_000])).len() < 120);
    }
}
