//! What real clusters have been through: several dozen kinds of commands. Without them redis_exporter has few series.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::common::real::Cluster;

/// One line each; `K` stands for a key of the node, `N` for a number.
const COMMANDS: [&str; 46] = [
    "SET K:s:N v",
    "GET K:s:N",
    "GETSET K:s:N w",
    "APPEND K:s:N x",
    "STRLEN K:s:N",
    "SETRANGE K:s:N 1 y",
    "GETRANGE K:s:N 0 1",
    "SETEX K:e:N 3600 v",
    "TTL K:e:N",
    "EXPIRE K:s:N 3600",
    "PERSIST K:s:N",
    "EXISTS K:s:N",
    "TYPE K:s:N",
    "INCR K:n",
    "INCRBY K:n N",
    "DECR K:n",
    "MSET K:a 1 K:b 2",
    "MGET K:a K:b",
    "SETNX K:x v",
    "HSET K:h f:N v",
    "HGET K:h f:N",
    "HMGET K:h f:N g",
    "HLEN K:h",
    "HINCRBY K:c f 1",
    "HDEL K:c g",
    "LPUSH K:l N",
    "RPUSH K:l N",
    "LRANGE K:l 0 9",
    "LLEN K:l",
    "LPOP K:l",
    "RPOP K:l",
    "SADD K:t N",
    "SCARD K:t",
    "SISMEMBER K:t N",
    "SMEMBERS K:u",
    "SREM K:t none",
    "ZADD K:z N m:N",
    "ZSCORE K:z m:N",
    "ZRANGE K:z 0 9",
    "ZCARD K:z",
    "ZINCRBY K:z 1 m:N",
    "PFADD K:p N",
    "PFCOUNT K:p",
    "SETBIT K:bit N 1",
    "BITCOUNT K:bit",
    "DEL K:x",
];
/// How often each is sent to each primary.
const TIMES: usize = 50;

/// Sends them to every primary.
pub(crate) fn load(cluster: &Cluster) {
    let primaries = cluster.nodes().iter().filter(|node| cluster.myself(node)[2].contains("master"));
    for node in primaries {
        let own = cluster.myself(node);
        let (first, last) = own[8].split_once('-').expect("a range of slots");
        let range = first.parse::<u16>().expect("a slot")..=last.parse().expect("a slot");
        let key = (0..).map(|n| format!("{{{n}}}")).find(|tag| range.contains(&slot(cluster, node, tag)));
        send(node, &key.expect("a tag for every slot"));
    }
}

fn slot(cluster: &Cluster, node: &str, key: &str) -> u16 {
    cluster.cli(node, &["CLUSTER", "KEYSLOT", key]).parse().expect("a slot")
}

/// One line at a time, so that the servers count each by itself.
fn send(node: &str, key: &str) {
    let mut server = BufReader::new(TcpStream::connect(node).expect("the server accepts"));
    for number in 0..TIMES {
        for command in COMMANDS {
            let line = command.replace('K', key).replace('N', &number.to_string());
            server.get_mut().write_all(format!("{}\r\n", spoken(&line, command)).as_bytes()).expect("sent");
            skip_reply(&mut server, &line);
        }
    }
}

/// The name of the command as it was: it may hold the letters that stand for key and number.
fn spoken(line: &str, command: &str) -> String {
    let name = command.split(' ').next().unwrap_or_default();
    let arguments = line.split_once(' ').map_or("", |(_, arguments)| arguments);
    format!("{name} {arguments}")
}

fn skip_reply(server: &mut impl BufRead, line: &str) {
    let mut head = String::new();
    server.read_line(&mut head).expect("a reply");
    let number = || head.split_at(1).1.trim_end().parse::<i64>().expect("a number");
    match head.as_bytes()[0] {
        b'+' | b':' => {}
        b'$' if number() < 0 => {}
        b'$' => {
            let mut bulk = vec![0; number() as usize + 2];
            server.read_exact(&mut bulk).expect("the whole reply");
        }
        b'*' => (0..number()).for_each(|_| skip_reply(server, line)),
        _ => panic!("{line}: {head}"),
    }
}
