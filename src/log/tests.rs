use std::io::Write;
use std::sync::{Arc, Mutex};

use super::*;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// All that `events` writes, its instants left out after a look at their form.
fn written(format: LogFormat, least: Level, events: impl FnOnce()) -> String {
    let out = Written::default();
    let writer = out.clone();
    let log = Log { level: least, format };
    tracing::subscriber::with_default(subscriber(&log, move || writer.clone()), events);
    let text = String::from_utf8(std::mem::take(&mut *out.0.lock().unwrap())).unwrap();
    text.lines().map(without_instant).collect()
}

fn without_instant(line: &str) -> String {
    let start = line.find("20").unwrap();
    let (before, rest) = line.split_at(start);
    let (instant, after) = rest.split_at("2026-11-22T17:51:29.448Z".len());
    let form: String = instant.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(form, "0000-00-00T00:00:00.000Z", "{line}");
    format!("{before}{after}\n")
}

fn an_event() {
    let error = std::io::Error::other("no\n\"such\" node");
    tracing::warn!(cluster = "orders", nodes = 6_usize, id = %"a=b", ok = false, reason = %error, "node does not answer");
}

#[test]
fn a_line_of_logfmt() {
    assert_eq!(
        written(LogFormat::Logfmt, Level::INFO, an_event),
        r#"ts= level=warn msg="node does not answer" cluster=orders nodes=6 id="a=b" ok=false reason="no\n\"such\" node""#
            .to_owned()
            + "\n"
    );
}

#[test]
fn a_line_of_json() {
    assert_eq!(
        written(LogFormat::Json, Level::INFO, an_event),
        r#"{"ts":"","level":"warn","msg":"node does not answer","cluster":"orders","nodes":6,"id":"a=b","ok":false,"reason":"no\n\"such\" node"}"#
            .to_owned()
            + "\n"
    );
}

#[test]
fn levels_are_lower_case_and_the_least_one_is_kept() {
    let all = || {
        tracing::error!("a");
        tracing::warn!("a");
        tracing::info!("a");
        tracing::debug!("a");
        tracing::trace!("a");
    };
    let lines = written(LogFormat::Logfmt, Level::TRACE, all);
    assert_eq!(
        lines,
        ["error", "warn", "info", "debug", "trace"]
            .map(|level| format!("ts= level={level} msg=a\n"))
            .concat()
    );
    assert_eq!(written(LogFormat::Logfmt, Level::WARN, all).lines().count(), 2);
}

#[test]
fn other_crates_name_their_module_and_only_warn() {
    let foreign = || {
        tracing::info!(target: "rustls::conn", "hello");
        tracing::warn!(target: "rustls::conn", "hello");
        tracing::warn!(target: "h2::proto::streams", "hello");
        tracing::warn!(target: "redis_cluster_exporter_of_others", "hello");
        tracing::warn!(target: "redis_cluster_exporter::poll::news", "hello");
    };
    assert_eq!(
        written(LogFormat::Logfmt, Level::TRACE, foreign),
        "ts= level=warn msg=hello target=rustls::conn\n\
         ts= level=warn msg=hello target=redis_cluster_exporter_of_others\n\
         ts= level=warn msg=hello\n"
    );
}

#[test]
fn a_message_that_is_formatted_and_one_that_is_missing() {
    let name = "orders";
    assert_eq!(
        written(LogFormat::Logfmt, Level::INFO, || tracing::error!("cannot listen on {name}: {}", 5)),
        "ts= level=error msg=\"cannot listen on orders: 5\"\n"
    );
    assert_eq!(
        written(LogFormat::Json, Level::INFO, || tracing::info!(slots = ?[1, 2])),
        "{\"ts\":\"\",\"level\":\"info\",\"msg\":\"\",\"slots\":\"[1, 2]\"}\n"
    );
}
