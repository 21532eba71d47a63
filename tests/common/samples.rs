//! A scrape, read strictly from text format 0.0.4, and asked in sentences.

use std::collections::{BTreeMap, BTreeSet};

/// Label names and values.
pub type Labels = BTreeMap<String, String>;

/// Every sample of one scrape.
pub struct Samples {
    samples: Vec<(String, Labels, f64)>,
    types: BTreeMap<String, String>,
}

impl Samples {
    /// Reads the text; an error names the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut this = Self { samples: Vec::new(), types: BTreeMap::new() };
        let (mut helped, mut seen) = (BTreeSet::new(), BTreeSet::new());
        for (at, line) in text.lines().enumerate() {
            let fail = |why: &str| Err(format!("line {}: {why}: {line}", at + 1));
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let Some((name, _)) = rest.split_once(' ') else { return fail("HELP without text") };
                if !helped.insert(name.to_owned()) {
                    return fail("second HELP");
                }
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let Some((name, kind)) = rest.split_once(' ') else { return fail("TYPE without a type") };
                if !["counter", "gauge", "histogram", "summary", "untyped"].contains(&kind) {
                    return fail("unknown type");
                }
                if this.types.insert(name.to_owned(), kind.to_owned()).is_some() {
                    return fail("second TYPE");
                }
            } else if line.starts_with('#') || line.is_empty() {
                return fail("neither HELP, TYPE nor a sample");
            } else {
                let Some((name, labels, value)) = sample(line) else { return fail("not a sample") };
                if !this.types.contains_key(&name) {
                    return fail("a sample without TYPE");
                }
                if !seen.insert((name.clone(), labels.clone())) {
                    return fail("second sample of one series");
                }
                this.samples.push((name, labels, value));
            }
        }
        if text.ends_with('\n') { Ok(this) } else { Err("no newline at the end".into()) }
    }

    /// All samples of a metric that bear these labels.
    pub fn all<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = (&'a Labels, f64)> {
        let bears = move |have: &Labels| labels.iter().all(|(k, v)| have.get(*k).is_some_and(|x| x == v));
        self.samples.iter().filter(move |s| s.0 == name && bears(&s.1)).map(|s| (&s.1, s.2))
    }

    /// The one value that bears these labels, or none. Two are a failure of the test.
    pub fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let values: Vec<_> = self.all(name, labels).map(|(_, value)| value).collect();
        assert!(values.len() < 2, "{} series of {name} bear {labels:?}\n{}", values.len(), self.like(name));
        values.first().copied()
    }

    /// The one value that bears these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(name, labels).unwrap_or_else(|| panic!("no {name} {labels:?}\n{}", self.like(name)))
    }

    /// The sum over all series that bear these labels; none at all is a failure of the test.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        assert!(self.all(name, labels).next().is_some(), "no {name} {labels:?}\n{}", self.like(name));
        self.all(name, labels).map(|(_, value)| value).sum()
    }

    /// The value of one label of the one series that bears these labels.
    pub fn label(&self, name: &str, labels: &[(&str, &str)], wanted: &str) -> String {
        self.value(name, labels);
        let found = self.all(name, labels).find_map(|(have, _)| have.get(wanted).cloned());
        found.unwrap_or_else(|| panic!("no label {wanted} on {name}\n{}", self.like(name)))
    }

    /// The `# TYPE` of a metric.
    pub fn kind(&self, name: &str) -> Option<&str> {
        self.types.get(name).map(String::as_str)
    }

    /// Every sample: name, labels, value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Labels, f64)> {
        self.samples.iter().map(|(name, labels, value)| (&**name, labels, *value))
    }

    /// How many series there are.
    pub fn series(&self) -> usize {
        self.samples.len()
    }

    /// What there is of a metric, for the message of a failed test.
    fn like(&self, name: &str) -> String {
        let mut text = String::from("what there is of it:\n");
        for (_, labels, value) in self.samples.iter().filter(|s| s.0 == name) {
            text.push_str(&format!("  {labels:?} {value}\n"));
        }
        text
    }
}

/// `name{label="value",…} number`
fn sample(line: &str) -> Option<(String, Labels, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at_checked(end)?;
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            if !is_name(label) || labels.insert(label.to_owned(), value).is_some() {
                return None;
            }
            rest = after.strip_prefix(',').unwrap_or(after);
        }
    }
    let value = rest.strip_prefix(' ')?.parse().ok()?;
    is_name(name).then(|| (name.to_owned(), labels, value))
}

fn is_name(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.starts_with(|c: char| word(c) && !c.is_ascii_digit()) && text.chars().all(word)
}

/// The text up to the closing quote, unescaped, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(match chars.next()? {
                'n' => '\n',
                c @ ('"' | '\\') => c,
                _ => return None,
            }),
            c => value.push(c),
        }
    }
}

#[test]
fn a_scrape_is_read() {
    let text =
        "# HELP a_b what it is\n# TYPE a_b gauge\na_b{x=\"1\",y=\"a\\\"\\\\\\n,}\"} 2.5\na_b{x=\"2\"} +Inf\n";
    let samples = Samples::parse(text).expect("sound text");
    assert_eq!(samples.value("a_b", &[("x", "1")]), 2.5);
    assert_eq!(samples.label("a_b", &[("x", "1")], "y"), "a\"\\\n,}");
    assert_eq!(samples.find("a_b", &[("x", "3")]), None);
    assert_eq!(samples.sum("a_b", &[]), f64::INFINITY);
    assert_eq!((samples.series(), samples.kind("a_b")), (2, Some("gauge")));
}

#[test]
fn a_broken_scrape_is_refused() {
    for text in [
        "a 1\n",
        "# TYPE a gauge\na 1\na 2\n",
        "# TYPE a gauge\n# TYPE a gauge\n",
        "# TYPE a gauge\na{x=\"1\"} \n",
        "# TYPE a gauge\na{x=1} 1\n",
        "# TYPE a gauge\na{x=\"\\t\"} 1\n",
        "# TYPE a gauge\na 1",
        "# TYPE a gauge\n\na 1\n",
        "# TYPE a stateset\n",
        "# EOF\n",
    ] {
        assert!(Samples::parse(text).is_err(), "{text:?}");
    }
}
