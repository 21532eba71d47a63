//! Text that somebody else chose.

use std::borrow::Cow;

/// A text without the characters that show something else than they are: controls, and those that turn the direction of
/// what follows. Each becomes U+FFFD.
pub fn tamed(text: &str) -> Cow<'_, str> {
    if text.chars().any(deceives) {
        text.chars().map(|c| if deceives(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
    } else {
        Cow::Borrowed(text)
    }
}

fn deceives(c: char) -> bool {
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_deceives_is_replaced() {
        for (text, tame) in [
            ("redis-0.redis:6379", "redis-0.redis:6379"),
            ("ü€😀 עברית", "ü€😀 עברית"),
            ("a\u{202e}b", "a\u{fffd}b"),
            ("a\r\nb\u{0}\u{1b}[2J", "a\u{fffd}\u{fffd}b\u{fffd}\u{fffd}[2J"),
        ] {
            assert_eq!(tamed(text), tame);
        }
    }
}
