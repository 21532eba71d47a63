//! `key=value` as readers of logfmt understand it: quoted where it must be, with the escapes of JSON.

use std::fmt;

use serde_json::Value;

/// Writes one pair. Text that is empty or holds a blank, `=`, `"` or what does not print is quoted.
pub(super) fn pair(out: &mut impl fmt::Write, key: &str, value: &Value) -> fmt::Result {
    write!(out, "{key}=")?;
    match value {
        Value::String(text) if must_quote(text) => quoted(out, text),
        Value::String(text) => out.write_str(text),
        other => write!(out, "{other}"),
    }
}

fn must_quote(text: &str) -> bool {
    text.is_empty() || text.contains(|c: char| c.is_whitespace() || c == '=' || c == '"' || unprintable(c))
}

/// Control characters would reach the terminal of whoever reads; the two separators end a line for some readers.
fn unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn quoted(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(out, "\\{c}")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            c if unprintable(c) => write!(out, "\\u{:04x}", u32::from(c))?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: impl Into<Value>) -> String {
        let mut out = String::new();
        pair(&mut out, "k", &value.into()).unwrap();
        out
    }

    #[test]
    fn plain_text_and_numbers_stand_bare() {
        for plain in ["timeout", "[::1]:6379", "10.0.0.1:6379", r"a\b", "größe", "a,b;c|d'e"] {
            assert_eq!(written(plain), format!("k={plain}"));
        }
        assert_eq!(written(-5), "k=-5");
        assert_eq!(written(u64::MAX), "k=18446744073709551615");
        assert_eq!(written(0.5), "k=0.5");
        assert_eq!(written(true), "k=true");
    }

    #[test]
    fn what_would_be_read_differently_is_quoted() {
        assert_eq!(written(""), r#"k="""#);
        assert_eq!(written("two words"), r#"k="two words""#);
        assert_eq!(written("a=b"), r#"k="a=b""#);
        assert_eq!(written(r#"say "hi""#), r#"k="say \"hi\"""#);
        assert_eq!(written(r"a \ b"), r#"k="a \\ b""#);
        assert_eq!(written("a\nlevel=info\r\n\tb"), r#"k="a\nlevel=info\r\n\tb""#);
        assert_eq!(written("\u{1b}[31mred"), r#"k="\u001b[31mred""#);
        assert_eq!(written("a\u{9b}b\u{2028}c\u{7f}"), r#"k="a\u009bb\u2028c\u007f""#);
        assert_eq!(written("no\u{a0}break"), "k=\"no\u{a0}break\"");
    }

    /// The escapes are those of JSON, so that any reader of JSON strings gets the text back.
    #[test]
    fn quoted_text_reads_back() {
        let every: String =
            (0..0x3000).filter_map(char::from_u32).chain(['\u{1f600}', '\u{10ffff}']).collect();
        let line = written(&*every);
        assert_eq!(serde_json::from_str::<String>(line.strip_prefix("k=").unwrap()).unwrap(), every);
        assert_eq!(line.lines().count(), 1);
    }
}
