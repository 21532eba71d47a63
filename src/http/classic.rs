//! OpenMetrics 1.0 text into the Prometheus text format 0.0.4, line by line. Pure.
//!
//! The two differ in the name that `HELP` and `TYPE` carry (OpenMetrics: the family; 0.0.4: the sample, so that
//! counters end in `_total` and infos in `_info`), in the types there are, in `# UNIT` and `# EOF`, and in what a
//! backslash may precede. Exemplars, timestamps and `_created` samples are not expected: we write none.

/// The same samples as text 0.0.4.
pub(super) fn from_openmetrics(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut head = Head::default();
    for line in text.lines() {
        match Line::of(line) {
            Line::Help { family, help } => head.of(family, &mut out).help = Some(help),
            Line::Type { family, kind } => head.of(family, &mut out).kind = Some(kind),
            Line::Dropped => {}
            Line::Sample(sample) => {
                head.write(&mut out);
                push_sample(&mut out, sample);
            }
        }
    }
    head.write(&mut out);
    out
}

/// One line of OpenMetrics.
enum Line<'a> {
    Help { family: &'a str, help: &'a str },
    Type { family: &'a str, kind: &'a str },
    Dropped,
    Sample(&'a str),
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Self {
        let Some(comment) = line.strip_prefix('#') else {
            return if line.is_empty() { Self::Dropped } else { Self::Sample(line) };
        };
        let two = |rest: &'a str| rest.split_once(' ').unwrap_or((rest, ""));
        if let Some(rest) = comment.strip_prefix(" HELP ") {
            let (family, help) = two(rest);
            Self::Help { family, help }
        } else if let Some(rest) = comment.strip_prefix(" TYPE ") {
            let (family, kind) = two(rest);
            Self::Type { family, kind }
        } else {
            Self::Dropped
        }
    }
}

/// The metadata of a family, held back until all of it is known: the name in `HELP` depends on `TYPE`.
#[derive(Default)]
struct Head<'a> {
    family: &'a str,
    help: Option<&'a str>,
    kind: Option<&'a str>,
}

impl<'a> Head<'a> {
    /// The head of this family; that of another one is written first.
    fn of(&mut self, family: &'a str, out: &mut String) -> &mut Self {
        if self.family != family {
            self.write(out);
            self.family = family;
        }
        self
    }

    fn write(&mut self, out: &mut String) {
        let Self { family, help, kind } = std::mem::take(self);
        let (suffix, kind) = match kind {
            Some("counter") => ("_total", Some("counter")),
            Some("info") => ("_info", Some("gauge")),
            Some("stateset") => ("", Some("gauge")),
            Some("unknown") => ("", Some("untyped")),
            other => ("", other),
        };
        if let Some(help) = help {
            out.extend(["# HELP ", family, suffix, " "]);
            // In 0.0.4 a help text is not quoted, so a quote in it is not escaped.
            push_escaped(out, help, |escape| match escape {
                '"' => "\"",
                'n' => "\\n",
                _ => "\\\\",
            });
            out.push('\n');
        }
        if let Some(kind) = kind {
            out.extend(["# TYPE ", family, suffix, " ", kind, "\n"]);
        }
    }
}

fn push_sample(out: &mut String, sample: &str) {
    push_escaped(out, sample, |escape| match escape {
        '"' => "\\\"",
        'n' => "\\n",
        _ => "\\\\",
    });
    out.push('\n');
}

/// `text` with each escape replaced by what `known` gives for `"`, `n` and `\`. Before any other character OpenMetrics
/// reads a backslash as itself, where 0.0.4 sees an error: there it is doubled and the character kept.
fn push_escaped(out: &mut String, text: &str, known: fn(char) -> &'static str) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut chars = after.chars();
        match chars.next() {
            Some(escape @ ('"' | 'n' | '\\')) => {
                out.push_str(known(escape));
                rest = chars.as_str();
            }
            _ => {
                out.push_str("\\\\");
                rest = after;
            }
        }
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::from_openmetrics;
    use crate::frame::{Setup, analyze};
    use crate::history::History;
    use crate::metrics::{self, Format};
    use crate::model::time::Timestamp;

    #[test]
    fn names_and_types_follow_the_samples() {
        let open = "# HELP a_seconds How long\n# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1.5\n\
                    # HELP b Things\n# TYPE b counter\nb_total{x=\"1\"} 2\nb_total{x=\"2\"} 3\n\
                    # HELP build What\n# TYPE build info\nbuild_info{version=\"1\"} 1\n\
                    # TYPE s stateset\n# HELP s States\ns{s=\"up\"} 1\n\
                    # TYPE u unknown\nu 1\n# HELP empty Nothing yet\n# TYPE empty counter\n# EOF\n";
        let classic = "# HELP a_seconds How long\n# TYPE a_seconds gauge\na_seconds 1.5\n\
                       # HELP b_total Things\n# TYPE b_total counter\nb_total{x=\"1\"} 2\nb_total{x=\"2\"} 3\n\
                       # HELP build_info What\n# TYPE build_info gauge\nbuild_info{version=\"1\"} 1\n\
                       # HELP s States\n# TYPE s gauge\ns{s=\"up\"} 1\n\
                       # TYPE u untyped\nu 1\n# HELP empty_total Nothing yet\n# TYPE empty_total counter\n";
        assert_eq!(from_openmetrics(open), classic);
    }

    #[test]
    fn escapes_are_those_of_the_format() {
        let open = "# HELP a say \\\"hi\\\"\\nback\\\\slash \\d end\\\n# TYPE a gauge\n\
                    a{p=\"C:\\\\d \\\"q\\\" \\n \\d é # {\"} 1\n";
        let classic = "# HELP a say \"hi\"\\nback\\\\slash \\\\d end\\\\\n# TYPE a gauge\n\
                       a{p=\"C:\\\\d \\\"q\\\" \\n \\\\d é # {\"} 1\n";
        assert_eq!(from_openmetrics(open), classic);
    }

    #[test]
    fn what_is_written_as_such_is_what_would_be_made_of_the_other() {
        let (setup, at) = (Setup::default(), Timestamp::from_seconds(1e9));
        let frame = analyze(&setup, &[], &mut History::default(), at, Duration::from_millis(3));
        let frames = [Arc::new(frame)];
        let classic = metrics::encode(&frames, at, Format::Classic);
        assert_eq!(from_openmetrics(&metrics::encode(&frames, at, Format::OpenMetrics)), classic);
        assert!(classic.contains("# TYPE rediscluster_failovers_total counter\n"), "{classic}");
    }

    #[test]
    fn nothing_becomes_nothing() {
        assert_eq!(from_openmetrics("# EOF\n"), "");
        assert_eq!(from_openmetrics(""), "");
    }
}
