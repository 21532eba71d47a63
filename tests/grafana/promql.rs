//! As much of PromQL as it takes to find the selectors of a query, with their matchers, ranges and functions. Whether a
//! query is PromQL at all, Prometheus itself says.

/// Words with a meaning of their own; whatever else stands alone has to be a label.
const KEYWORDS: [&str; 9] =
    ["and", "or", "unless", "on", "bool", "ignoring", "without", "group_left", "offset"];

/// What selects series.
#[derive(Debug, PartialEq)]
pub(crate) struct Selector {
    /// Name of the metric.
    pub(crate) metric: String,
    /// Label, operator, value.
    pub(crate) matchers: Vec<(String, String, String)>,
    /// What stands in brackets behind it.
    pub(crate) range: Option<String>,
    /// The function that it is the first thing in.
    pub(crate) function: String,
    /// The innermost aggregation that it is in.
    pub(crate) aggregation: Option<&'static str>,
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
        let mut reader = Reader { rest: text, query: Self::default(), calls: Vec::new(), announced: None };
        while reader.step()? {}
        Ok(reader.query)
    }
}

struct Reader<'a> {
    rest: &'a str,
    query: Query,
    /// What each open parenthesis belongs to.
    calls: Vec<&'a str>,
    /// An aggregation whose labels come before its parenthesis.
    announced: Option<&'static str>,
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
                '(' => self.calls.push(self.announced.take().unwrap_or_default()),
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
            let aggregation = self.calls.iter().rev().find_map(|call| aggregation(call));
            let range = if self.rest.starts_with('[') { Some(self.brackets()?) } else { None };
            let metric = word.to_owned();
            self.query.selectors.push(Selector { metric, matchers, range, function, aggregation });
        } else if word == "by" {
            // Its labels, so that the next parenthesis is that of the aggregation.
            let (labels, rest) = self.rest.split_once(')').ok_or("by without labels")?;
            let labels = labels.trim_start_matches([' ', '(']).split(", ").filter(|label| !label.is_empty());
            self.query.labels.extend(labels.map(str::to_owned));
            self.rest = rest;
        } else if KEYWORDS.contains(&word) {
        } else if next == Some('(') {
            self.rest = self.rest.trim_start().strip_prefix('(').unwrap_or_default();
            self.calls.push(word);
        } else if let Some(aggregation) = aggregation(word) {
            self.announced = Some(aggregation);
        } else {
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

/// The aggregation of this name.
fn aggregation(word: &str) -> Option<&'static str> {
    ["max", "min", "sum", "avg", "count", "topk"].into_iter().find(|known| *known == word)
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
    let matcher = |label: &str, operator: &str, value: &str| (label.into(), operator.into(), value.into());
    let selector = |metric: &str, function: &str, range: Option<&str>| Selector {
        metric: metric.to_owned(),
        matchers: Vec::new(),
        range: range.map(str::to_owned),
        function: function.to_owned(),
        aggregation: None,
    };
    let counter = Selector {
        matchers: vec![matcher("x", "=~", "$x|{"), matcher("y", "!=", "1")],
        aggregation: Some("sum"),
        ..selector("m_total", "rate", Some("5m"))
    };
    let expected = Query {
        selectors: vec![counter, selector("n", "", None), selector("q", "min_over_time", Some("$r:1m"))],
        labels: vec!["a".into(), "b".into()],
        numbers: vec![300.0, 0.5],
    };
    assert_eq!(read, Ok(expected));
    assert!(Query::read("a{b=c}").is_err());
    assert!(Query::read("a)").is_err());
    let nested = Query::read("sum(max by (a, b) (m{}) + n{})").expect("a query");
    assert_eq!(
        nested.selectors.iter().map(|s| s.aggregation).collect::<Vec<_>>(),
        [Some("max"), Some("sum")]
    );
}
