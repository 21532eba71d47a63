//! As much of PromQL as it takes to find the selectors of a query, with their matchers, ranges and functions. Whether a
//! query is PromQL at all, Prometheus itself says.

/// Words with a meaning of their own; whatever else stands alone has to be a label.
const KEYWORDS: [&str; 10] =
    ["and", "or", "unless", "by", "on", "bool", "ignoring", "without", "group_left", "offset"];

/// What selects series.
#[derive(Debug, PartialEq)]
pub(crate) struct Selector {
    /// Name of the metric.
    pub(crate) metric: String,
    /// Label, operator, value.
    pub(crate) matchers: Vec<(String, String, String)>,
    /// What stands in brackets behind it.
    pub(crate) range: Option<String>,
    /// The function or aggregation that it is the first thing in.
    pub(crate) function: String,
}

/// A query, taken apart.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Query {
    /// In the order in which they stand.
    pub(crate) selectors: Vec<Selector>,
    /// Words that are neither keyword, function nor metric: they name labels.
    pub(crate) labels: Vec<String>,
    /// Numbers, and ranges in seconds.
    pub(crate) numbers: Vec<f64>,
}

impl Query {
    /// Takes a query apart; an error says what cannot be understood.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text, query: Self::default(), calls: Vec::new() };
        while reader.step()? {}
        Ok(reader.query)
    }
}

struct Reader<'a> {
    rest: &'a str,
    query: Query,
    calls: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    /// Reads the next thing; false at the end.
    fn step(&mut self) -> Result<bool, String> {
        self.rest = self.rest.trim_start();
        let Some(first) = self.rest.chars().next() else { return Ok(false) };
        if first.is_ascii_alphabetic() || first == '_' {
            let word = self.take(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
            self.word(word)?;
        } else if first.is_ascii_digit() {
            let number = self.take(|c| c.is_ascii_alphanumeric() || c == '.');
            self.query.numbers.push(number.parse().map_err(|_| format!("not a number: {number}"))?);
        } else if first == '"' {
            self.quoted()?;
        } else if first == '[' {
            // Of a subquery.
            self.brackets()?;
        } else {
            self.rest = self.rest.get(first.len_utf8()..).unwrap_or_default();
            match first {
                '(' => self.calls.push(""),
                ')' => drop(self.calls.pop().ok_or("a parenthesis too many")?),
                _ => {}
            }
        }
        Ok(true)
    }

    fn word(&mut self, word: &'a str) -> Result<(), String> {
        let next = self.rest.trim_start().chars().next();
        if next == Some('{') {
            let matchers = self.matchers()?;
            let function = self.calls.last().copied().unwrap_or_default().to_owned();
            let range = if self.rest.starts_with('[') { Some(self.brackets()?) } else { None };
            self.query.selectors.push(Selector { metric: word.to_owned(), matchers, range, function });
        } else if KEYWORDS.contains(&word) {
        } else if next == Some('(') {
            self.rest = self.rest.trim_start().strip_prefix('(').unwrap_or_default();
            self.calls.push(word);
        } else if !is_aggregation(word) {
            self.query.labels.push(word.to_owned());
        }
        Ok(())
    }

    fn matchers(&mut self) -> Result<Vec<(String, String, String)>, String> {
        self.rest = self.rest.trim_start().strip_prefix('{').unwrap_or_default();
        let mut matchers = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches([',', ' ']);
            if let Some(rest) = self.rest.strip_prefix('}') {
                self.rest = rest;
                return Ok(matchers);
            }
            let label = self.take(|c| c.is_ascii_alphanumeric() || c == '_').to_owned();
            let operator = self.take(|c| "=~!".contains(c)).to_owned();
            matchers.push((label, operator, self.quoted()?));
        }
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn quoted(&mut self) -> Result<String, String> {
        let inside = self.rest.strip_prefix('"').ok_or_else(|| format!("no text at: {}", self.rest))?;
        let (text, rest) = inside.split_once('"').ok_or("a text without end")?;
        self.rest = rest;
        Ok(text.to_owned())
    }

    fn brackets(&mut self) -> Result<String, String> {
        let inside = self.rest.strip_prefix('[').unwrap_or_default();
        let (range, rest) = inside.split_once(']').ok_or("a bracket without end")?;
        self.rest = rest;
        self.query.numbers.extend(seconds(range));
        Ok(range.to_owned())
    }
}

/// Aggregations stand before `by` without a parenthesis.
fn is_aggregation(word: &str) -> bool {
    ["max", "min", "sum", "avg", "count", "topk"].contains(&word)
}

fn seconds(range: &str) -> Option<f64> {
    let unit = range.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = range.split_at(unit);
    let factor = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[test]
fn a_query_is_taken_apart() {
    let read = Query::read(
        r#"sum by (a) (rate(m_total{x=~"$x|{", y!="1"}[5m])) / on (b) (n{} > 0.5) or min_over_time(q{}[$r:1m])"#,
    );
    let selector =
        |metric: &str, matchers: &[(&str, &str, &str)], range: Option<&str>, function: &str| Selector {
            metric: metric.to_owned(),
            matchers: matchers.iter().map(|(l, o, v)| ((*l).into(), (*o).into(), (*v).into())).collect(),
            range: range.map(str::to_owned),
            function: function.to_owned(),
        };
    let expected = Query {
        selectors: vec![
            selector("m_total", &[("x", "=~", "$x|{"), ("y", "!=", "1")], Some("5m"), "rate"),
            selector("n", &[], None, ""),
            selector("q", &[], Some("$r:1m"), "min_over_time"),
        ],
        labels: vec!["a".into(), "b".into()],
        numbers: vec![300.0, 0.5],
    };
    assert_eq!(read, Ok(expected));
    assert!(Query::read("a{b=c}").is_err());
    assert!(Query::read("a)").is_err());
}
