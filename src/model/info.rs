//! `key:value` lines as INFO and CLUSTER INFO write them: the values kept as text, found by key in constant time.

use std::ops::Range;
use std::sync::Arc;

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

/// A line with a colon.
struct Line {
    key: Range<usize>,
    value: Range<usize>,
    hash: u32,
}

/// Lines of a text that have a colon and are no headings.
fn lines(text: &str) -> impl Iterator<Item = Line> {
    let bytes = text.as_bytes();
    let mut start = 0;
    memchr::memchr_iter(b'\n', bytes).chain([bytes.len()]).filter_map(move |end| {
        let from = std::mem::replace(&mut start, end + 1);
        let line = bytes.get(from..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = memchr::memchr(b':', line).filter(|_| !line.starts_with(b"#"))?;
        let hash = hash(&line[..colon]);
        Some(Line { key: from..from + colon, value: from + colon + 1..from + line.len(), hash })
    })
}

/// What the replies of a node to one command have in common: everything between the values. A server writes the same
/// keys in the same order from poll to poll, so that a reply is compared with the layout of the one before instead of
/// being taken apart anew; nodes of one version and role share a layout.
pub struct Layout {
    /// All that is not value, one piece before each value and one behind the last, without a gap.
    text: Box<str>,
    keys: Box<[Key]>,
    /// Open-addressed table of line numbers plus one; 0 is free. Its length is a power of two.
    table: Box<[u16]>,
}

#[derive(Clone, Copy)]
struct Key {
    /// Where the piece before the value begins: the end of the line before, headings, the key and its colon.
    piece: u32,
    key: u32,
    colon: u32,
    hash: u32,
}

impl Layout {
    fn of(text: &str) -> (Self, Values) {
        let (mut kept, mut keys) = (String::with_capacity(text.len()), Vec::new());
        let (mut values, mut done) = (Values::default(), 0);
        for line in lines(text).take(usize::from(u16::MAX)) {
            let piece = kept.len();
            kept.push_str(text.get(done..line.value.start).unwrap_or_default());
            let colon = kept.len() - 1;
            let key = colon - line.key.len();
            keys.push(Key { piece: piece as u32, key: key as u32, colon: colon as u32, hash: line.hash });
            done = line.value.end;
            values.push(text.get(line.value).unwrap_or_default());
        }
        kept.push_str(text.get(done..).unwrap_or_default());
        let table = table(&keys);
        (Self { text: kept.into_boxed_str(), keys: keys.into_boxed_slice(), table }, values)
    }

    /// The values in a text of this layout; `None` if it has another one.
    fn fit(&self, text: &str) -> Option<Values> {
        let (bytes, pieces) = (text.as_bytes(), self.text.as_bytes());
        let mut values = Values {
            text: String::with_capacity(text.len().checked_sub(self.text.len())?),
            ends: Vec::with_capacity(self.keys.len()),
        };
        let mut at = 0;
        for key in &self.keys {
            let piece = &pieces[key.piece as usize..=key.colon as usize];
            let rest = bytes.get(at..)?.strip_prefix(piece)?;
            let start = at + piece.len();
            // Values are a few bytes long: looking at each is faster than a search made for long texts.
            let line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let ends_in_cr = line > 0 && rest[line - 1] == b'\r';
            at = start + line - usize::from(ends_in_cr);
            values.push(text.get(start..at)?);
        }
        let tail = self.keys.last().map_or(0, |key| key.colon as usize + 1);
        (bytes.get(at..)? == &pieces[tail..]).then_some(values)
    }

    fn key(&self, key: Key) -> &str {
        self.text.get(key.key as usize..key.colon as usize).unwrap_or_default()
    }

    fn line(&self, hash: u32, name: &str) -> Option<usize> {
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        while let number @ 1.. = self.table[at] {
            let line = usize::from(number) - 1;
            if self.keys[line].hash == hash && self.key(self.keys[line]) == name {
                return Some(line);
            }
            at = (at + 1) & mask;
        }
        None
    }
}

fn table(keys: &[Key]) -> Box<[u16]> {
    let mut table = vec![0u16; (keys.len() * 2).next_power_of_two()].into_boxed_slice();
    let mask = table.len() - 1;
    for (number, key) in keys.iter().enumerate() {
        let mut at = key.hash as usize & mask;
        while table[at] != 0 {
            at = (at + 1) & mask;
        }
        table[at] = number as u16 + 1;
    }
    table
}

/// The values of a text, one behind the other.
#[derive(Default)]
struct Values {
    text: String,
    ends: Vec<u32>,
}

impl Values {
    fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(self.text.len() as u32);
    }
}

/// The lines of INFO or CLUSTER INFO. Where a key stands twice, the first one counts.
///
/// Of each node only the values are kept: they are a third of the text, and the rest is in the layout.
#[derive(Clone)]
pub struct Info {
    values: Box<str>,
    /// Where each value ends.
    ends: Box<[u32]>,
    layout: Arc<Layout>,
}

impl Info {
    /// Takes a text apart. Lines without a colon, headings and empty lines are passed over.
    pub fn new(text: &str) -> Self {
        let (layout, values) = Layout::of(text);
        Self::of(values, Arc::new(layout))
    }

    /// A text of this layout; `None` if it has another one.
    pub fn like(layout: &Arc<Layout>, text: &str) -> Option<Self> {
        Some(Self::of(layout.fit(text)?, Arc::clone(layout)))
    }

    fn of(values: Values, layout: Arc<Layout>) -> Self {
        Self { values: values.text.into_boxed_str(), ends: values.ends.into_boxed_slice(), layout }
    }

    /// What it has in common with the replies before and after it.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    fn value(&self, line: usize) -> &str {
        let from = line.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.values.get(from as usize..self.ends[line] as usize).unwrap_or_default()
    }

    fn find(&self, hash: u32, name: &str) -> Option<&str> {
        Some(self.value(self.layout.line(hash, name)?))
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
        self.layout.keys.iter().enumerate().map(|(line, key)| (self.layout.key(*key), self.value(line)))
    }

    /// The lines whose keys begin with `prefix`, as what follows it and the value.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value)))
    }

    /// Whether it has a heading `# name`, even if no line stands below it.
    pub fn has_section(&self, name: &str) -> bool {
        let text = self.layout.text.as_bytes();
        let is_heading = |at: usize| {
            let before = text[..at].strip_suffix(b"# ");
            before.is_some_and(|before| before.is_empty() || before.ends_with(b"\n"))
        };
        memchr::memmem::find_iter(text, name).any(is_heading)
    }
}

impl std::fmt::Debug for Info {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Info({} lines)", self.ends.len())
    }
}

impl std::fmt::Debug for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Layout({} lines)", self.keys.len())
    }
}

impl PartialEq for Info {
    fn eq(&self, other: &Self) -> bool {
        let of_one_layout = Arc::ptr_eq(&self.layout, &other.layout) || self.layout.text == other.layout.text;
        of_one_layout && self.values == other.values && self.ends == other.ends
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
        let info =
            Info::new("# Memory\r\nused_memory:10\r\nratio:1.50\r\nperc:83.9%\r\n\r\ndb0:keys=5,x=1\r\n");
        assert_eq!(info.number(Field::new("used_memory")), Some(Number::Int(10)));
        assert_eq!(info.number(Field::new("ratio")), Some(Number::Float(1.5)));
        assert_eq!(info.number(Field::new("perc")), Some(Number::Float(83.9)));
        assert_eq!(info.text(Field::new("absent")), None);
        assert_eq!(info.with_prefix("db").collect::<Vec<_>>(), [("0", "keys=5,x=1")]);
        assert_eq!(sub_value("keys=5,x=1", "x"), Some("1"));
    }

    #[test]
    fn empty_and_headless_text_holds_nothing() {
        assert_eq!(Info::new("").get("a"), None);
        let empty = Info::new("# Server\r\n\r\nno colon\r\n# Keyspace");
        assert_eq!(empty.iter().count(), 0);
        assert_eq!(
            ["Server", "Keyspace", "no colon", "Memory"].map(|it| empty.has_section(it)),
            [true, true, false, false]
        );
    }

    #[test]
    fn a_text_of_the_same_layout_is_read_as_one_by_itself() {
        let first = "# A\r\nrole:master\r\nslaves:0\r\n\r\n# B\r\nempty:\r\nlast:a:b\r\n";
        let layout = Info::new(first).layout().clone();
        let same = [
            first.to_owned(),
            first.replace("master", "slave"),
            first.replace("master", ""),
            first.replace("master", "ü€😀"),
        ];
        for text in same {
            let (alone, like) = (Info::new(&text), Info::like(&layout, &text).unwrap());
            assert!(like.iter().eq(alone.iter()), "{text:?}");
            assert_eq!(like, alone, "{text:?}");
            assert_eq!(like.text(Field::new("last")), Some("a:b"));
        }
        let other = [
            String::new(),
            first.replace("slaves", "slave0"),
            first.replace("slaves:0\r\n", "slaves:0\n"),
            first.replace("# B", "# C"),
            format!("{first}more:1\r\n"),
            first.replace("last:a:b\r\n", ""),
            first.trim_end().to_owned(),
        ];
        for text in other {
            assert_eq!(Info::like(&layout, &text), None);
            assert_ne!(Info::new(&text), Info::new(first));
        }
    }
}
