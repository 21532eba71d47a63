//! Lines on stderr as Prometheus' own tools write them, one an event.
//!
//! ```text
//! ts=2026-11-22T17:51:29.448Z level=info msg="node joined" cluster=orders node=10.0.0.1:6379
//! {"ts":"2026-11-22T17:51:29.448Z","level":"info","msg":"node joined","cluster":"orders","node":"10.0.0.1:6379"}
//! ```
//!
//! Events of other crates also say `target`, the module that they come from. Spans are not shown.

mod logfmt;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use crate::clock;
use crate::config::{Log, LogFormat};

const CRATE: &str = "redis_cluster_exporter";
/// It warns of every frame that a client should not have sent: nobody may fill the log with these.
const HTTP2: &str = "h2";
/// What `tracing` calls the text of an event among its fields.
const MESSAGE: &str = "message";

/// Writes the events of this crate from `log.level` on, and warnings and errors of all others but those about what
/// clients of HTTP/2 do wrong, in the form `log.format`. Events that `writer` does not take are lost in silence: there is
/// nowhere to tell it.
pub fn subscriber<W>(log: &Log, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let others = Targets::new().with_default(LevelFilter::WARN).with_target(HTTP2, LevelFilter::ERROR);
    let shown = others.with_target(CRATE, log.level);
    let lines = tracing_subscriber::fmt::layer().event_format(Lines(log.format)).with_writer(writer);
    tracing_subscriber::registry().with(lines.with_filter(shown))
}

/// The form of all lines.
struct Lines(LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let line = Line::of(event);
        match self.0 {
            LogFormat::Logfmt => {
                for (at, (key, value)) in line.fields.iter().enumerate() {
                    out.write_str(if at == 0 { "" } else { " " })?;
                    logfmt::pair(&mut out, key, value)?;
                }
            }
            LogFormat::Json => out.write_str(&line.json().map_err(|_| fmt::Error)?)?,
        }
        out.write_char('\n')
    }
}

/// Keys and values in the order of the line. Numbers and truth values stay what they are; all else is text.
struct Line {
    fields: Vec<(&'static str, Value)>,
}

impl Line {
    /// Where `msg` stands, whichever field the event names first.
    const MSG: usize = 2;

    fn of(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut line = Self {
            fields: vec![
                ("ts", Value::from(clock::now().utc())),
                ("level", Value::from(level(*metadata.level()))),
                ("msg", Value::from("")),
            ],
        };
        let target = metadata.target();
        if target.split("::").next() != Some(CRATE) {
            line.fields.push(("target", Value::from(target)));
        }
        event.record(&mut line);
        line
    }

    fn put(&mut self, field: &Field, value: Value) {
        match field.name() {
            MESSAGE => self.fields[Self::MSG].1 = value,
            name => self.fields.push((name, value)),
        }
    }

    fn json(&self) -> serde_json::Result<String> {
        let mut bytes = Vec::new();
        let mut serializer = serde_json::Serializer::new(&mut bytes);
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (key, value) in &self.fields {
            map.serialize_entry(key, value)?;
        }
        map.end()?;
        String::from_utf8(bytes).map_err(serde::ser::Error::custom)
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::from(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::from(value));
    }

    /// `%value` and `?value` both come here.
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::from(format!("{value:?}")));
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}
