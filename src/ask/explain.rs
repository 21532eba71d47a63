//! Why a connection ended: from what passed over it.

use super::reply::excerpt;
use super::seen::{End, Seen};
use crate::model::failure::AskError;
use crate::model::reply::Reply;

/// The cause. `secret_sent`: the request held a password, which a server that repeats its input must not bring
/// into a log.
pub(super) fn explain(seen: &Seen, end: &End, secret_sent: bool) -> AskError {
    match end {
        End::TooLarge => return AskError::TooLarge { limit_bytes: seen.limit },
        End::Tls(text) => return AskError::Tls(text.clone()),
        _ => {}
    }
    if let Some(failure) = by_first_bytes(&seen.head, secret_sent) {
        return failure;
    }
    let read = seen.read;
    match end {
        End::Closed if read == 0 => AskError::Connect("closed by the server before it answered".to_owned()),
        End::Closed => {
            AskError::Connect(format!("closed by the server within its replies, after {read} bytes"))
        }
        End::Broken(text) if read == 0 => AskError::Connect(text.clone()),
        End::Broken(text) => AskError::Connect(format!("{text}, after {read} bytes of replies")),
        _ => AskError::Protocol(format!(
            "unreadable within the first {read} bytes, which begin with {}",
            shown(&seen.head, secret_sent)
        )),
    }
}

/// What the first bytes give away.
fn by_first_bytes(head: &[u8], secret_sent: bool) -> Option<AskError> {
    if head.starts_with(b"HTTP/") {
        return Some(AskError::Protocol(format!(
            "an HTTP server answered: {}",
            shown(first_line(head), secret_sent)
        )));
    }
    // The record types alert and handshake, then the major version.
    if matches!(head, [0x15 | 0x16, 0x03, ..]) {
        return Some(AskError::Tls("the server speaks TLS, and none is configured".to_owned()));
    }
    match head.first()? {
        b'-' => turned_away(head),
        b'+' | b':' | b'$' | b'*' => None,
        _ => Some(AskError::Protocol(format!("not the Redis protocol: {}", shown(head, secret_sent)))),
    }
}

/// A server that is full, or protects itself, answers once and closes; one that wants a password closes when its
/// refusals of a whole pipeline pass what it sends to strangers (1 KiB).
fn turned_away(head: &[u8]) -> Option<AskError> {
    let line = String::from_utf8_lossy(first_line(head).get(1..)?).into_owned();
    let Reply::Error { code, text } = Reply::error(&line) else { return None };
    let failure = AskError::from_reply(&code, &text);
    matches!(failure, AskError::Rejected(_) | AskError::Auth(_)).then_some(failure)
}

fn first_line(head: &[u8]) -> &[u8] {
    head.split(|&byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or(head)
}

fn shown(head: &[u8], secret_sent: bool) -> String {
    if secret_sent && head.windows(4).any(|word| word.eq_ignore_ascii_case(b"AUTH")) {
        return "bytes that repeat the AUTH command (not shown)".to_owned();
    }
    excerpt(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(head: &[u8], end: &End) -> AskError {
        let seen = Seen { limit: 9, read: head.len() as u64, head: head.to_vec(), ..Seen::default() };
        explain(&seen, end, true)
    }

    #[test]
    fn each_end_has_its_kind() {
        for (head, end, kind) in [
            (&b""[..], End::Closed, "connect"),
            (b"", End::Broken("Connection reset by peer".into()), "connect"),
            (b"$5000\r\nab", End::Closed, "connect"),
            (b"$5000\r\nab", End::TooLarge, "too_large"),
            (b"", End::Tls("received fatal alert: CertificateRequired".into()), "tls"),
            (b"\x15\x03\x01\x00\x02\x02\x46", End::Closed, "tls"),
            (b"HTTP/1.1 400 Bad Request\r\n", End::Closed, "protocol"),
            (b"SSH-2.0-OpenSSH\r\n", End::Unreadable, "protocol"),
            (b"+PONG\r\n?", End::Unreadable, "protocol"),
            (b"-ERR max number of clients reached\r\n", End::Closed, "rejected"),
            (b"-DENIED Redis is running in protected mode because", End::Closed, "rejected"),
            (b"-NOAUTH Authentication required.\r\n-NOAUTH Auth", End::Closed, "auth"),
            (b"-WRONGPASS invalid username-password pair or user is disabled.\r\n", End::Closed, "auth"),
            (b"-LOADING Redis is loading the dataset in memory\r\n", End::Closed, "connect"),
        ] {
            let failure = after(head, &end);
            assert_eq!(failure.kind(), kind, "{} gave {failure}", head.escape_ascii());
        }
    }

    #[test]
    fn an_http_server_is_named() {
        let failure = after(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n", &End::Unreadable);
        assert_eq!(failure.to_string(), "protocol: an HTTP server answered: \"HTTP/1.1 400 Bad Request\"");
    }

    #[test]
    fn an_echo_does_not_bring_the_password_into_a_log() {
        for echo in [&b"echo: *2\r\n$4\r\nAUTH\r\n$6\r\ns3cret\r\n"[..], b"+got auth s3cret\r\n?"] {
            assert!(!after(echo, &End::Unreadable).to_string().contains("s3cret"));
        }
    }
}
