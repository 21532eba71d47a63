//! Words for a command line that somebody will paste into a shell.

use std::borrow::Cow;

use crate::model::text::tamed;

/// A text as one word: as it stands where a shell reads nothing into it, else in single quotes. A node announces its
/// own name, and a broken or evil one must not choose what is run.
pub(super) fn shell_word(text: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_' | '/' | '[' | ']');
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", tamed(text).replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word() {
        for (text, word) in [
            ("10.0.0.1", "10.0.0.1"),
            ("[2001:db8::1]:6379", "[2001:db8::1]:6379"),
            ("redis-0.redis:6379", "redis-0.redis:6379"),
            ("", "''"),
            ("-rf", "'-rf'"),
            ("a;reboot", "'a;reboot'"),
            ("$(reboot)`reboot`", "'$(reboot)`reboot`'"),
            ("it's", "'it'\\''s'"),
            ("a\nb", "'a\u{fffd}b'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }
}
