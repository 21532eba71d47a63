//! What a sound node of a healthy cluster answers: replies of a Redis 7.0.

use std::collections::BTreeMap;

use redis_cluster_exporter::model::reply::Reply;

/// Command in capitals → reply.
pub type Answers = BTreeMap<String, Reply>;

pub fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.as_bytes().to_vec())
}

pub fn healthy() -> Answers {
    let settings = ["cluster-node-timeout", "15000", "maxmemory", "0", "appendonly", "no"];
    [
        ("INFO", bulk(include_str!("../fake/info.txt"))),
        ("INFO COMMANDSTATS", bulk("# Commandstats\r\ncmdstat_ping:calls=1,usec=1,usec_per_call=1.00\r\n")),
        ("INFO LATENCYSTATS", bulk("# Latencystats\r\n")),
        ("CLUSTER INFO", bulk(include_str!("../fake/cluster_info.txt"))),
        ("CLUSTER NODES", bulk(include_str!("../fake/cluster_nodes.txt"))),
        ("CLUSTER LINKS", Reply::Array(Vec::new())),
        ("CLUSTER COUNTKEYSINSLOT", Reply::Int(7)),
        ("CONFIG GET", Reply::Array(settings.map(bulk).to_vec())),
        ("LASTSAVE", Reply::Int(1_795_361_599)),
        ("TIME", Reply::Array(vec![bulk("1795361613"), bulk("21247")])),
        ("SLOWLOG LEN", Reply::Int(0)),
        ("LATENCY LATEST", Reply::Array(Vec::new())),
        ("CLIENT SETNAME", Reply::Status("OK".into())),
    ]
    .map(|(command, reply)| (command.to_owned(), reply))
    .into()
}

/// The reply to one command: the longest stored beginning of it, or that there is no such command.
pub fn answer(answers: &Answers, words: &[String]) -> Reply {
    let upper: Vec<String> = words.iter().map(|word| word.to_uppercase()).collect();
    if upper[0] == "PING" && !answers.contains_key("PING") {
        return words.get(1).map_or_else(|| Reply::Status("PONG".into()), |word| bulk(word));
    }
    for length in (1..=upper.len()).rev() {
        let Some(reply) = answers.get(&upper[..length].join(" ")) else { continue };
        return if upper.starts_with(&["CONFIG".into(), "GET".into()]) {
            chosen(reply, words)
        } else {
            reply.clone()
        };
    }
    if answers.keys().any(|command| command.starts_with(&format!("{} ", upper[0]))) {
        let (container, sub) = (&words[0], &words[1]);
        return Reply::error(&format!("ERR unknown subcommand '{sub}'. Try {container} HELP."));
    }
    Reply::error(&format!("ERR unknown command '{}', with args beginning with: ", words[0]))
}

/// Of all settings, those that were asked for.
fn chosen(all: &Reply, words: &[String]) -> Reply {
    let Reply::Array(items) = all else { return all.clone() };
    let asked = |pair: &&[Reply]| words[2..].iter().any(|word| pair[0].text() == Some(word));
    Reply::Array(items.chunks_exact(2).filter(asked).flatten().cloned().collect())
}
