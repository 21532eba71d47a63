//! What a client can read: `Accept` and `Accept-Encoding` (RFC 9110 §12.5). Pure.

use crate::metrics::Format;

/// The format for this `Accept` header. OpenMetrics where the client names it and likes it no less than text;
/// text otherwise, also where nothing we have is acceptable: a scraper that asks for the unknown is better served
/// with text than with 406.
pub fn format(accept: &str) -> Format {
    let ranges: Vec<Range<'_>> = items(accept, ',').filter_map(Range::parse).collect();
    let best = |wanted: &dyn Fn(&Range<'_>) -> bool| {
        ranges.iter().filter(|range| wanted(range)).map(|range| range.quality).reduce(f32::max)
    };
    let named = |name: &'static str, version: &'static str| {
        best(&|range| range.is(name) && range.version.is_none_or(|v| v == version))
    };
    let any = |name: &'static str| best(&|range| range.is(name));
    // `*/*` is what browsers and curl say: they get the text that people can read.
    let open = named("application/openmetrics-text", "1.0.0").or_else(|| any("application/*"));
    let classic = named("text/plain", "0.0.4").or_else(|| any("text/*")).or_else(|| any("*/*"));
    match open {
        Some(quality) if quality > 0.0 && quality >= classic.unwrap_or(0.0) => Format::OpenMetrics,
        _ => Format::Classic,
    }
}

/// Whether this `Accept` header wants HTML rather than Markdown: browsers name it, `curl` and scripts do not.
pub fn html(accept: &str) -> bool {
    let ranges: Vec<Range<'_>> = items(accept, ',').filter_map(Range::parse).collect();
    let quality = |name: &str| ranges.iter().find(|range| range.is(name)).map_or(0.0, |range| range.quality);
    quality("text/html") > quality("text/markdown").max(quality("text/plain"))
}

/// Whether this `Accept-Encoding` header lets us send gzip, and does not prefer the plain bytes.
pub fn gzip(accept_encoding: &str) -> bool {
    let ranges: Vec<Range<'_>> = items(accept_encoding, ',').filter_map(Range::parse).collect();
    let quality =
        |names: &[&str]| ranges.iter().find(|r| names.iter().any(|name| r.is(name))).map(|r| r.quality);
    let gzip = quality(&["gzip", "x-gzip"]).or_else(|| quality(&["*"])).unwrap_or(0.0);
    gzip > 0.0 && gzip >= quality(&["identity"]).unwrap_or(0.0)
}

/// One item of either header.
struct Range<'a> {
    name: &'a str,
    version: Option<&'a str>,
    quality: f32,
}

impl<'a> Range<'a> {
    /// `None` for an empty item and for one whose weight is not a weight.
    fn parse(item: &'a str) -> Option<Self> {
        let mut parts = items(item, ';');
        let name = parts.next().filter(|name| !name.is_empty())?;
        let mut range = Self { name, version: None, quality: 1.0 };
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            let (key, value) = (key.trim_end(), value.trim_start());
            if key.eq_ignore_ascii_case("q") {
                range.quality = value.parse().ok().filter(|q| (0.0..=1.0).contains(q))?;
            } else if key.eq_ignore_ascii_case("version") {
                range.version = Some(value.trim_matches('"'));
            }
        }
        Some(range)
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The trimmed pieces between separators that stand outside quotes.
fn items(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_follows_the_weights() {
        use Format::{Classic, OpenMetrics};
        for (accept, wanted) in [
            ("", Classic),
            ("*/*", Classic),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Classic),
            ("text/plain", Classic),
            ("application/json", Classic),
            ("application/openmetrics-text", OpenMetrics),
            ("application/*", OpenMetrics),
            ("Application/OpenMetrics-Text; Version=1.0.0", OpenMetrics),
            ("application/openmetrics-text; version=\"1.0.0\"; charset=utf-8", OpenMetrics),
            ("application/openmetrics-text;version=0.0.1", Classic),
            ("application/openmetrics-text;version=2.0.0,text/plain;q=0.1", Classic),
            ("application/openmetrics-text;q=0", Classic),
            ("application/openmetrics-text;q=0,application/*", Classic),
            ("application/openmetrics-text,text/plain", OpenMetrics),
            ("text/plain;q=0.9,application/openmetrics-text;q=0.8", Classic),
            ("text/plain;q=0.8 , application/openmetrics-text; q=0.9", OpenMetrics),
            ("text/plain; q = 0.8,application/openmetrics-text; q = 0.3", Classic),
            ("application/openmetrics-text;q=0.5,*/*;q=0.6", Classic),
            ("application/openmetrics-text;q=0.5,text/*;q=0.5", OpenMetrics),
            ("application/openmetrics-text;q=2", Classic),
            ("application/openmetrics-text;q=NaN", Classic),
            ("application/openmetrics-text;q=high,text/plain;q=0.1", Classic),
            ("application/x;note=\"a,application/openmetrics-text;q=1\",text/plain", Classic),
            (",,;q=1,;", Classic),
            // Prometheus 2.42
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                 text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                OpenMetrics,
            ),
            // Prometheus 3.5
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;\
                 escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                OpenMetrics,
            ),
            // Prometheus 3 with scrape_protocols: [PrometheusText1.0.0, PrometheusText0.0.4]
            ("text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5", Classic),
        ] {
            assert_eq!(format(accept), wanted, "{accept}");
        }
    }

    #[test]
    fn html_only_where_it_is_named() {
        for (accept, wanted) in [
            ("", false),
            ("*/*", false),
            ("text/*", false),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("text/markdown, text/html;q=0.5", false),
            ("text/markdown;q=0.5, text/html", true),
            ("text/html;q=0", false),
        ] {
            assert_eq!(html(accept), wanted, "{accept}");
        }
    }

    #[test]
    fn gzip_only_where_it_is_welcome() {
        for (header, wanted) in [
            ("", false),
            ("gzip", true),
            ("GZIP", true),
            ("x-gzip", true),
            ("deflate, br", false),
            ("deflate, gzip;q=1.0, *;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("gzip;q=0, *", false),
            ("*", true),
            ("*;q=0", false),
            ("identity", false),
            ("identity, gzip;q=0.5", false),
            ("identity;q=0.5, gzip", true),
            ("identity;q=0", false),
            ("gzip;q=x", false),
            ("gzipped", false),
        ] {
            assert_eq!(gzip(header), wanted, "{header}");
        }
    }
}
