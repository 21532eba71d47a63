//! Every recorded state through every parser, held against an independent, naive reading of the same text.

mod common {
    pub(crate) mod captures;
    pub(crate) mod golden;
    pub(crate) mod sim;
}

use common::captures;

#[test]
fn first() {
    let t = std::time::Instant::now();
    let s = captures::states();
    println!("{} {:?}", s.len(), t.elapsed());
    let n: usize = s.iter().map(|s| s.nodes().len()).sum();
    println!("{n} {:?}", t.elapsed());
}
