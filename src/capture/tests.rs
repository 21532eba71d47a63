use super::*;
use crate::model::address::{Address, Target};
use crate::model::failure::AskError;
use crate::model::slots::SlotSet;
use crate::model::snapshot::CertificateEnds;
use crate::probes::Sweep;

fn node(dir: &Path, meta: &str, files: &[(&str, &str)]) -> Replies {
    fs::create_dir(dir.join("m1")).unwrap();
    fs::write(dir.join("m1/_meta.json"), meta).unwrap();
    for (name, text) in files {
        fs::write(dir.join("m1").join(name), text).unwrap();
    }
    let mut nodes = read(dir).unwrap();
    assert_eq!(nodes.len(), 1);
    assert_eq!(nodes[0].0, "m1");
    nodes.remove(0).1
}

#[test]
fn reads_both_forms_and_prefers_raw_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let meta = r#"{"addr": "::1:7000", "unknown": 1, "commands": {
        "PING": {"at_ms": 5000, "us": 70}, "INFO": {"at_ms": 5002, "us": 300, "bytes": 9},
        "CLUSTER_MYSHARDID": {"at_ms": 5001, "us": 1, "err": "ERR unknown subcommand"}}}"#;
    let files = [
        ("PING.txt", "PONG\n"),
        ("INFO.txt", "# Server\r\nloading:0\r\n"),
        ("CLUSTER_NODES.txt", "not this"),
        ("CLUSTER_NODES.resp", "$3\r\nabc\r\n"),
        ("CLUSTER_MYSHARDID.txt", "(error) ERR unknown subcommand 'MYSHARDID'. Try CLUSTER HELP.\n"),
        ("CONFIG_GET_all.resp", "*4\r\n$11\r\nrequirepass\r\n$1\r\nx\r\n$9\r\nmaxmemory\r\n$1\r\n7\r\n"),
        ("LASTSAVE.txt", "(integer) 1795361612\n"),
        ("TIME.txt", "1) \"1\"\n2) \"2\"\n"),
        ("LATENCY_LATEST.resp", ""),
        ("CLUSTER_COUNTKEYSINSLOT_300.txt", "(integer) 40\n"),
        ("CLUSTER_COUNTKEYSINSLOT_all_nonzero.txt", "0:3"),
        ("ROLE.resp", "garbage that nobody asked for"),
    ];
    let replies = node(dir.path(), meta, &files);
    let reply = |probe| replies.answer(probe).map(|a| (*a.reply).clone());
    assert_eq!(replies.target, Target::Tcp(Address::new("::1", 7000)));
    assert_eq!(replies.asked_at, Timestamp(5_000_000));
    assert_eq!(replies.response, Some(Duration::from_micros(70)));
    assert_eq!(replies.took, Duration::from_micros(2300));
    assert_eq!(replies.failure, None);
    assert_eq!(reply(ProbeId::Ping), Some(Reply::Status("PONG".into())));
    assert_eq!(reply(ProbeId::Info), Some(Reply::Bulk(b"# Server\r\nloading:0\r\n".to_vec())));
    assert_eq!(replies.answer(ProbeId::Info).unwrap().asked_at, Timestamp(5_002_000));
    assert_eq!(reply(ProbeId::ClusterNodes), Some(Reply::Bulk(b"abc".to_vec())));
    let refused = reply(ProbeId::ShardId).unwrap();
    assert_eq!(refused, Reply::error("ERR unknown subcommand 'MYSHARDID'. Try CLUSTER HELP."));
    let setting = |text: &str| Reply::Bulk(text.into());
    assert_eq!(reply(ProbeId::ConfigGet), Some(Reply::Array(vec![setting("maxmemory"), setting("7")])));
    assert_eq!(reply(ProbeId::LastSave), Some(Reply::Int(1795361612)));
    assert_eq!(reply(ProbeId::Time), None);
    assert_eq!(reply(ProbeId::LatencyLatest), None);
    assert_eq!(replies.key_counts, [(300, Reply::Int(40))]);
}

#[test]
fn a_folder_with_nothing_but_meta_did_not_answer() {
    for (meta, kind) in [
        (
            r#"{"client_error": {"where": "connect", "error": "ConnectionRefusedError", "text": "no"}}"#,
            "connect",
        ),
        (r#"{"client_error": {"where": "PING", "error": "TimeoutError", "text": "timed out"}}"#, "timeout"),
        (r#"{"client_error": {"where": "connect", "error": "SSLEOFError", "text": "EOF"}}"#, "tls"),
        (
            r#"{"client_error": {"kind": "rejected", "text": "ERR max number of clients reached"}}"#,
            "rejected",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let replies = node(dir.path(), meta, &[]);
        assert_eq!(replies.failure.unwrap().kind(), kind, "{meta}");
        assert!(replies.answers.is_empty());
    }
}

#[test]
fn what_is_written_is_read_back() {
    let asked_at = Timestamp(1_795_361_613_013_457);
    let whole = Replies {
        target: Target::Tcp(Address::new("::1", 7000)),
        asked_at,
        response: Some(Duration::from_micros(7)),
        took: Duration::from_micros(99),
        failure: None,
        answers: ProbeId::ALL
            .into_iter()
            .filter(|probe| probe.row().every != Every::OnDemand)
            .map(|probe| Answer {
                probe,
                asked_at: asked_at.plus(Duration::from_micros(probe as u64)),
                took: Duration::from_micros(99),
                reply: Arc::new(if probe == ProbeId::ConfigGet {
                    Reply::Array(vec![Reply::Bulk(b"save".to_vec()), Reply::Bulk(b"\r\n\x00\xff".to_vec())])
                } else {
                    Reply::Int(i64::from(probe as u8))
                }),
            })
            .collect(),
        key_counts: vec![(5, Reply::Int(1)), (10, Reply::error("LOADING wait"))],
        sweep: Some(Sweep {
            sizes: vec![Reply::Int(9)],
            of: SlotSet::all(),
            counts: vec![(5, Reply::Int(1))],
        }),
        certificate_ends: CertificateEnds::default(),
        commands: 0,
    };
    let texts = ["x".to_owned(), String::new()];
    let failures = texts.into_iter().flat_map(|text| {
        let timeout = |during| AskError::Timeout { during, after_ms: 2000 };
        [
            AskError::Resolve { host: "h".into(), text: text.clone() },
            AskError::Connect(text.clone()),
            AskError::Tls(text.clone()),
            AskError::Auth(text.clone()),
            AskError::Denied(text.clone()),
            timeout("connecting"),
            timeout("reading the replies"),
            AskError::Loading(text.clone()),
            AskError::Busy(text.clone()),
            AskError::Rejected(text.clone()),
            AskError::Unsupported(text.clone()),
            AskError::TooLarge { limit_bytes: 5 },
            AskError::Protocol(text),
        ]
    });
    let failed = |error| Replies::failed(Target::Unix("/run/r.sock".into()), asked_at, Duration::ZERO, error);
    let all: Vec<Replies> = std::iter::once(whole).chain(failures.map(failed)).collect();
    let dir = tempfile::tempdir().unwrap();
    for (number, replies) in all.iter().enumerate() {
        write_node(&dir.path().join(format!("n{number:03}")), replies).unwrap();
    }
    let read: Vec<_> = read(dir.path()).unwrap().into_iter().map(|(_, replies)| replies).collect();
    assert_eq!(format!("{read:#?}"), format!("{all:#?}"));
}

#[test]
fn says_which_file_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(read(dir.path()), Err(CaptureError::Empty(_))));
    assert!(matches!(read(&dir.path().join("absent")), Err(CaptureError::Io { .. })));
    fs::create_dir(dir.path().join("m1")).unwrap();
    fs::write(dir.path().join("m1/_meta.json"), "{}").unwrap();
    fs::write(dir.path().join("m1/INFO.resp"), "$9\r\nshort").unwrap();
    let error = read(dir.path()).unwrap_err().to_string();
    assert!(error.ends_with("m1/INFO.resp: a length that the bytes cannot hold at byte 1"), "{error}");
    fs::write(dir.path().join("m1/_meta.json"), "{").unwrap();
    let error = read(dir.path()).unwrap_err().to_string();
    assert!(error.contains("m1/_meta.json: EOF while parsing"), "{error}");
}
