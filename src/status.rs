//! Frames for people: the landing page. Pure.

mod moving;
pub mod report;

use std::sync::Arc;
use std::time::Duration;

use crate::frame::Frame;
use crate::model::time::Timestamp;

/// One cluster on the landing page.
#[derive(Clone, Debug)]
pub struct Row {
    /// The configured name.
    pub name: Arc<str>,
    /// Its newest frame; `None` before the first.
    pub polled: Option<Polled>,
}

/// The least that can be said of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polled {
    /// Since the instant of the poll.
    pub age: Duration,
    /// Whether the poll loop stands still.
    pub stale: bool,
    /// Nodes that answered.
    pub reached: usize,
    /// Nodes that any node names.
    pub known: usize,
}

impl Polled {
    /// What `frame` says at `now`.
    pub fn of(frame: &Frame, now: Timestamp) -> Self {
        let members = &frame.view.members;
        Self {
            age: now.since(frame.view.at),
            stale: frame.is_stale(now),
            reached: members.iter().filter(|member| member.is_up()).count(),
            known: members.len(),
        }
    }
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse}th,td{text-align:left;padding:.25rem 1.25rem .25rem 0;border-bottom:1px solid #8884}\
.bad{color:#c22;font-weight:600}@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8bf}}";

/// The landing page: version, clusters, and links to what is served. `reload` says whether `POST /-/reload` is enabled;
/// `nonce` allows the page's only style under its content security policy.
pub fn landing(rows: &[Row], reload: bool, nonce: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let clusters: String = rows.iter().map(line).collect();
    let reload =
        if reload { "<li><code>POST /-/reload</code>: read the configuration anew</li>\n" } else { "" };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>redis-cluster-exporter</title>\n\
         <style nonce=\"{nonce}\">{STYLE}</style>\n</head>\n<body>\n<h1>redis-cluster-exporter</h1>\n\
         <p>Version {version}</p>\n\
         <table>\n<tr><th>Cluster</th><th>Up</th><th>Nodes reached</th><th>Age</th><th></th></tr>\n\
         {clusters}</table>\n\
         <ul>\n<li><a href=\"/metrics\">/metrics</a>: all clusters</li>\n\
         <li><a href=\"/-/healthy\">/-/healthy</a>: whether the poll loops turn</li>\n\
         <li><a href=\"/-/ready\">/-/ready</a>: whether every cluster has been polled</li>\n\
         <li><a href=\"/api/v1/sd\">/api/v1/sd</a>: one Prometheus target per cluster (<code>http_sd_configs</code>)\
         </li>\n{reload}</ul>\n</body>\n</html>\n"
    )
}

fn line(row: &Row) -> String {
    let query: String = url::form_urlencoded::byte_serialize(row.name.as_bytes()).collect();
    let name = escape(&row.name);
    let state = row.polled.map_or_else(|| "<td colspan=\"3\">not polled yet</td>".to_owned(), state);
    format!("<tr><td>{name}</td>{state}<td><a href=\"/metrics?cluster={query}\">metrics</a></td></tr>\n")
}

/// A cluster is up while at least one node answers.
fn state(polled: Polled) -> String {
    let cell = |bad: bool, text: String| {
        let class = if bad { " class=\"bad\"" } else { "" };
        format!("<td{class}>{text}</td>")
    };
    let Polled { age, stale, reached, known } = polled;
    let up = if reached > 0 { "up" } else { "down" };
    cell(reached == 0, up.to_owned())
        + &cell(reached == 0 || reached < known, format!("{reached} of {known}"))
        + &cell(stale, format!("{:.1} s", age.as_secs_f64()))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(name: &str, polled: Option<Polled>) -> String {
        landing(&[Row { name: name.into(), polled }], false, "n0")
    }

    #[test]
    fn a_hostile_name_stays_text() {
        let page = page("<script>alert('\"&\")</script>", None);
        assert!(
            page.contains("<td>&lt;script&gt;alert(&#39;&quot;&amp;&quot;)&lt;/script&gt;</td>"),
            "{page}"
        );
        assert!(
            page.contains("href=\"/metrics?cluster=%3Cscript%3Ealert%28%27%22%26%22%29%3C%2Fscript%3E\"")
        );
        assert!(!page.contains("<script"), "{page}");
    }

    #[test]
    fn what_is_wrong_stands_out() {
        for (reached, known, stale, cells) in [
            (6, 6, false, "<td>up</td><td>6 of 6</td><td>1.5 s</td>"),
            (5, 6, false, "<td>up</td><td class=\"bad\">5 of 6</td><td>1.5 s</td>"),
            (0, 6, false, "<td class=\"bad\">down</td><td class=\"bad\">0 of 6</td><td>1.5 s</td>"),
            (0, 0, false, "<td class=\"bad\">down</td><td class=\"bad\">0 of 0</td><td>1.5 s</td>"),
            (6, 6, true, "<td>up</td><td>6 of 6</td><td class=\"bad\">1.5 s</td>"),
        ] {
            let page = page("a", Some(Polled { age: Duration::from_millis(1500), stale, reached, known }));
            assert!(page.contains(cells), "{cells}\n{page}");
        }
        assert!(page("a", None).contains("not polled yet"));
    }

    #[test]
    fn reloading_is_offered_only_where_it_is_enabled() {
        assert!(!page("a", None).contains("/-/reload"));
        assert!(landing(&[], true, "n0").contains("/-/reload"));
    }
}
