//! RESP2 replies as a tree, unread: what the shell brings and the parsers take.

/// One reply of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Status(String),
    /// `-CODE text`
    Error {
        /// First word, in capitals: `ERR`, `NOPERM`, `LOADING`, …
        code: String,
        /// The rest.
        text: String,
    },
    /// `:1`
    Int(i64),
    /// `$n` bytes
    Bulk(Vec<u8>),
    /// `*n` replies
    Array(Vec<Reply>),
    /// `$-1`, `*-1`
    Nil,
}

impl Reply {
    /// An error reply of the text after the `-`.
    pub fn error(line: &str) -> Self {
        let (code, text) = line.split_once(' ').unwrap_or((line, ""));
        Self::Error { code: code.to_owned(), text: text.to_owned() }
    }

    /// The bytes of a bulk or status reply.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bulk(bytes) => Some(bytes),
            Self::Status(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    /// The text of a bulk or status reply that is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// An integer reply, or a bulk reply that holds one.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            other => other.text()?.trim().parse().ok(),
        }
    }

    /// The elements of an array reply.
    pub fn array(&self) -> Option<&[Reply]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// Key-value pairs of a flat map, as RESP2 writes maps. Keys that are no text are passed over.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &Reply)> {
        let items = self.array().unwrap_or_default();
        items.chunks_exact(2).filter_map(|pair| Some((pair[0].text()?, &pair[1])))
    }
}
