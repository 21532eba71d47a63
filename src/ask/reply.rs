//! Replies as they are kept, and a short form of them for people.

use crate::model::reply::Reply;

/// Characters that are kept of the line of an error reply.
const LONGEST_ERROR: usize = 512;
/// Bytes that are shown of a reply that does not fit.
const SHOWN: usize = 64;

/// The reply, of an error only so much as anybody reads.
pub(super) fn shortened(mut reply: Reply) -> Reply {
    if let Reply::Error { code, text } = &mut reply {
        for part in [code, text] {
            if let Some((end, _)) = part.char_indices().nth(LONGEST_ERROR) {
                part.truncate(end);
            }
        }
    }
    reply
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
        let Reply::Error { code, text } = shortened(Reply::error(&text)) else { panic!("no error") };
        assert_eq!((code.as_str(), text.len()), ("ERR", 512));
    }

    #[test]
    fn shows_no_more_than_the_beginning() {
        assert_eq!(excerpt(b"a\x00\xff\""), r#""a\x00\xff\"""#);
        assert!(brief(&Reply::Bulk(vec![b'x'; 10_000])).len() < 120);
    }
}
