//! The certificate that a node presents ends within the limit, or has ended: as a server, seen in the handshake with this
//! exporter or told by Valkey 9.1 in INFO; as a client of its peers, told there alone. So does the exporter's own.
//!
//! A node without a TLS listener has none to lose. Valkey tells serial `none` and 0 seconds where a certificate is not
//! set: that is none, too. A node that has a TLS listener but was asked without TLS, and tells nothing, is unknown.

use super::context::{Node, Said};
use super::shell::shell_word;
use super::{Check, Context, Needs, hours, runbook};
use crate::model::finding::{Finding, Outcome, Severity, Subject, Value, seconds};
use crate::model::info::Field;

pub(super) static CHECK: Check = Check {
    code: "cert_expiring",
    severity: Severity::P3,
    hold: hours(1),
    summary: "A certificate is about to expire.",
    since: "0.1.0",
    explains: &[],
    runbook: runbook!("cert_expiring"),
    needs: Needs::Node,
    look,
};

const SERVER: (Field, Field) =
    (Field::new("tls_server_cert_expires_in_seconds"), Field::new("tls_server_cert_serial"));
const CLIENT: (Field, Field) =
    (Field::new("tls_client_cert_expires_in_seconds"), Field::new("tls_client_cert_serial"));

fn look(context: &Context<'_>) -> Outcome {
    Said::join(context.nodes().map(|node| judge(context, node)).chain(own(context)))
}

/// The exporter's own, as it was presented to any node last.
fn own(context: &Context<'_>) -> Option<Said> {
    let end = context.nodes().filter_map(|node| node.said.certificate_ends.exporter).max()?;
    let (rest, limit) = (end.seconds_since(context.view.at), context.limits.certificate_remaining_seconds);
    if rest >= limit {
        return Some(Said::Fine);
    }
    let summary = format!("the exporter's own certificate {}", words(rest, limit));
    let finding = Finding::new(Subject::cluster(), summary)
        .with("certificate", "exporter")
        .with("remaining", Value::Seconds(rest))
        .with("limit", Value::Seconds(limit))
        .with("ends", Value::Time(end.as_seconds()))
        .run("openssl x509 -noout -enddate -subject -in CERT_FILE  # tls.cert_file of the exporter");
    Some(Said::Wrong(finding))
}

fn words(rest: f64, limit: f64) -> String {
    if rest > 0.0 {
        format!("ends in {}, less than {}", seconds(rest), seconds(limit))
    } else {
        format!("ended {} ago", seconds(-rest))
    }
}

fn judge(context: &Context<'_>, node: Node<'_>) -> Said {
    let presented = node.said.certificate_ends.server.map(|end| end.seconds_since(context.view.at));
    let server = presented.or_else(|| told(node, SERVER));
    let client = told(node, CLIENT);
    let rests = [("server", server), ("client", client)];
    let Some((usage, rest)) = rests
        .into_iter()
        .filter_map(|(usage, rest)| Some((usage, rest?)))
        .min_by(|(_, one), (_, other)| one.total_cmp(other))
    else {
        return if speaks_tls(node) {
            Said::Unknown(format!("{} does not tell when its certificate ends", node.member.label))
        } else {
            Said::Fine
        };
    };
    let limit = context.limits.certificate_remaining_seconds;
    if rest >= limit {
        return Said::Fine;
    }
    let label = &node.member.label;
    let summary = format!("the {usage} certificate of {label} {}", words(rest, limit));
    Said::Wrong(
        Finding::new(Subject::node(node.member), summary)
            .with("certificate", usage)
            .with("remaining", Value::Seconds(rest))
            .with("limit", Value::Seconds(limit))
            .with("ends", Value::Time(context.view.at.as_seconds() + rest))
            .with_some("server_remaining", server.map(Value::Seconds))
            .with_some("client_remaining", client.map(Value::Seconds))
            .run(format!(
                "openssl s_client -connect {} </dev/null | openssl x509 -noout -enddate -subject",
                shell_word(label)
            )),
    )
}

/// What INFO tells of a certificate that is set.
fn told(node: Node<'_>, (rest, serial): (Field, Field)) -> Option<f64> {
    if node.text(serial) == Some("none") {
        return None;
    }
    // 0 without a serial is how nothing is written, too.
    node.number(rest).filter(|rest| *rest != 0.0 || node.text(serial).is_some())
}

/// A server numbers its kinds of listeners without a gap: TCP, unix socket, TLS, RDMA.
const LISTENERS: [Field; 4] =
    [Field::new("listener0"), Field::new("listener1"), Field::new("listener2"), Field::new("listener3")];

/// INFO names the listeners from 7.0 on.
fn speaks_tls(node: Node<'_>) -> bool {
    let mut listeners = LISTENERS.iter().map_while(|field| node.text(*field));
    listeners.any(|line| line.split(',').any(|pair| pair == "name=tls"))
}
