//! The fleet as a program of its own.

use std::io::{BufRead, stdin};

use crate::common::fleet::{Act, Fleet, Shape};

const USAGE: &str = "serve CLUSTERS PRIMARIES REPLICAS PORT, then lines on standard input:
  NODE sound | suspects OTHER | forgets OTHER | outdated OTHER | promoted | silent
  heard
NODE counts through all clusters, OTHER within one; both from 0.";

/// Plays until the end of its input.
pub(crate) fn serve(arguments: &[String]) {
    let numbers: Option<Vec<usize>> = arguments.iter().map(|word| word.parse().ok()).collect();
    let Some(&[clusters, primaries, replicas, port]) = numbers.as_deref() else { panic!("{USAGE}") };
    let shape = Shape { clusters, primaries, replicas };
    let port = u16::try_from(port).expect("a port");
    let fleet =
        Fleet::start(shape, port).expect("sockets for all nodes; a higher `ulimit -Hn` may be needed");
    for cluster in 0..clusters {
        println!("cluster-{cluster}: {}", fleet.address(cluster * shape.nodes()));
    }
    for line in stdin().lock().lines() {
        let line = line.expect("text");
        let words: Vec<&str> = line.split_whitespace().collect();
        match order(&words) {
            _ if words == ["heard"] => println!("{:?}", fleet.heard_by_all()),
            Some((node, act)) => {
                fleet.act(node, act);
                println!("{} {act:?}", fleet.address(node));
            }
            None => println!("{USAGE}"),
        }
    }
}

fn order(words: &[&str]) -> Option<(usize, Act)> {
    let (node, what) = words.split_first()?;
    let act = match what {
        ["sound"] => Act::Sound,
        ["suspects", other] => Act::Suspects(other.parse().ok()?),
        ["forgets", other] => Act::Forgets(other.parse().ok()?),
        ["outdated", other] => Act::Outdated(other.parse().ok()?),
        ["promoted"] => Act::Promoted,
        ["silent"] => Act::Silent,
        _ => return None,
    };
    Some((node.parse().ok()?, act))
}
