//! What sound replies look like.

use crate::model::reply::Reply;

/// The form of a sound reply: catches a reply that belongs to another question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `+PONG`
    Pong,
    /// Bulk text whose first line begins with `#`, or none.
    Sections,
    /// Bulk text of `key:value` lines that begin with `cluster_`.
    ClusterInfo,
    /// Bulk text that begins with 40 hexadecimal digits.
    NodeRows,
    /// Bulk text of exactly 40 hexadecimal digits.
    Id,
    /// An integer.
    Integer,
    /// An array.
    Array,
}

impl Shape {
    /// Whether a reply has this form. An error reply has every form: a server may refuse any question.
    pub fn fits(self, reply: &Reply) -> bool {
        let is_hex = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
        match (self, reply) {
            (_, Reply::Error { .. }) => true,
            (Self::Pong, Reply::Status(text)) => text == "PONG",
            (Self::Sections, Reply::Bulk(text)) => text.is_empty() || text.starts_with(b"#"),
            (Self::ClusterInfo, Reply::Bulk(text)) => text.starts_with(b"cluster_"),
            (Self::NodeRows, Reply::Bulk(text)) => text.get(..40).is_some_and(is_hex),
            (Self::Id, Reply::Bulk(text)) => text.len() == 40 && is_hex(text),
            (Self::Integer, Reply::Int(_)) | (Self::Array, Reply::Array(_)) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shifted_reply_is_caught() {
        let pong = Reply::Status("PONG".into());
        assert!(Shape::Pong.fits(&pong));
        for shape in [Shape::Sections, Shape::ClusterInfo, Shape::NodeRows, Shape::Integer, Shape::Array] {
            assert!(!shape.fits(&pong), "{shape:?}");
        }
    }
}
