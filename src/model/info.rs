//! `key:value` lines as INFO and CLUSTER INFO write them: kept as text, found by key in constant time.

/// A number as a server wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Without a fraction.
    Int(i64),
    /// With one.
    Float(f64),
}

impl Number {
    /// As a float.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Float(n) => n,
        }
    }
}

/// The name of a line, hashed once at compile time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The text before the colon.
    pub name: &'static str,
    hash: u32,
}

impl Field {
    /// A field of this name.
    pub const fn new(name: &'static str) -> Self {
        Self { name, hash: hash(name.as_bytes()) }
    }
}

/// FNV-1a: short keys, computable at compile time.
const fn hash(bytes: &[u8]) -> u32 {
    let mut hash = EMPTY_HASH;
    let mut at = 0;
    while at < bytes.len() {
        hash = step(hash, bytes[at]);
        at += 1;
    }
    hash
}

const EMPTY_HASH: u32 = 0x811c_9dc5;

const fn step(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(0x0100_0193)
}

/// Length and hash of the key of a line: what stands before its first colon.
fn key(line: &[u8]) -> Option<(usize, u32)> {
    let mut hash = EMPTY_HASH;
    for (at, byte) in line.iter().enumerate() {
        match byte {
            b':' => return Some((at, hash)),
            byte => hash = step(hash, *byte),
        }
    }
    None
}

#[derive(Clone, Copy)]
struct Line {
    start: u32,
    colon: u32,
    end: u32,
    hash: u32,
}

/// Bytes of a line, rather few than many: room for the lines is made once.
const SHORT_LINE: usize = 20;

/// The lines of INFO or CLUSTER INFO. Where a key stands twice, the first one counts.
#[derive(Clone)]
pub struct Info {
    text: Box<str>,
    lines: Vec<Line>,
    /// Open-addressed table of line numbers plus one; 0 is free. Its length is a power of two.
    table: Box<[u16]>,
}

impl Info {
    /// Indexes a text. Lines without a colon, headings and empty lines are passed over.
    pub fn new(text: String) -> Self {
        let mut lines = Vec::with_capacity(text.len() / SHORT_LINE);
        let bytes = text.as_bytes();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]) {
            let line = bytes.get(start..end).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.starts_with(b"#")
                && let Some((colon, hash)) = key(line)
                && lines.len() < usize::from(u16::MAX)
            {
                let (colon, end) = ((start + colon) as u32, (start + line.len()) as u32);
                lines.push(Line { start: start as u32, colon, end, hash });
            }
            start = end + 1;
        }
        let mut table = vec![0u16; (lines.len() * 2).next_power_of_two()].into_boxed_slice();
        let mask = table.len() - 1;
        for (number, line) in lines.iter().enumerate() {
            let mut at = line.hash as usize & mask;
            while table[at] != 0 {
                at = (at + 1) & mask;
            }
            table[at] = number as u16 + 1;
        }
        Self { text: text.into_boxed_str(), lines, table }
    }

    fn slice(&self, from: u32, to: u32) -> &str {
        self.text.get(from as usize..to as usize).unwrap_or_default()
    }

    fn find(&self, hash: u32, name: &str) -> Option<&str> {
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        while let number @ 1.. = self.table[at] {
            let line = self.lines[number as usize - 1];
            if self.slice(line.start, line.colon) == name {
                return Some(self.slice(line.colon + 1, line.end));
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// The text behind the colon.
    pub fn text(&self, field: Field) -> Option<&str> {
        self.find(field.hash, field.name)
    }

    /// The text behind the colon, for a name that is not known at compile time.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(hash(name.as_bytes()), name)
    }

    /// The value as a number. A percent sign at its end is passed over; anything else that is no number is absent.
    pub fn number(&self, field: Field) -> Option<Number> {
        read_number(self.text(field)?)
    }

    /// The value as an unsigned integer.
    pub fn unsigned(&self, field: Field) -> Option<u64> {
        self.text(field)?.parse().ok()
    }

    /// All lines, in the server's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.iter().map(|l| (self.slice(l.start, l.colon), self.slice(l.colon + 1, l.end)))
    }

    /// The lines whose keys begin with `prefix`, as what follows it and the value.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value)))
    }

    /// The text as the server sent it.
    pub fn raw(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for Info {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Info({} lines)", self.lines.len())
    }
}

impl PartialEq for Info {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Reads an integer or a decimal fraction, with or without `%`.
pub fn read_number(text: &str) -> Option<Number> {
    let text = text.strip_suffix('%').unwrap_or(text);
    if let Ok(n) = text.parse::<i64>() {
        return Some(Number::Int(n));
    }
    let n = text.parse::<f64>().ok().filter(|n| n.is_finite())?;
    Some(Number::Float(n))
}

/// The value of `key` in a line of `k=v,k=v`, where servers add keys at any version.
pub fn sub_value<'a>(value: &'a str, key: &str) -> Option<&'a str> {
    value.split(',').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_lines_by_key_and_by_prefix() {
        let info = Info::new(
            "# Memory\r\nused_memory:10\r\nratio:1.50\r\nperc:83.9%\r\n\r\ndb0:keys=5,x=1\r\n".into(),
        );
        assert_eq!(info.number(Field::new("used_memory")), Some(Number::Int(10)));
        assert_eq!(info.number(Field::new("ratio")), Some(Number::Float(1.5)));
        assert_eq!(info.number(Field::new("perc")), Some(Number::Float(83.9)));
        assert_eq!(info.text(Field::new("absent")), None);
        assert_eq!(info.with_prefix("db").collect::<Vec<_>>(), [("0", "keys=5,x=1")]);
        assert_eq!(sub_value("keys=5,x=1", "x"), Some("1"));
    }

    #[test]
    fn empty_and_headless_text_holds_nothing() {
        assert_eq!(Info::new(String::new()).get("a"), None);
        assert_eq!(Info::new("# Server\n\nno colon\n".into()).iter().count(), 0);
    }
}
