//! docs/reliability.md: what was done, on what, and what came out.

use std::fs::read_to_string;
use std::process::Command;

use super::load::{PAGES, PER_SCRAPER, SCRAPERS};
use super::slow::{HALF_CLOSED, HELD};
use super::verdict::Seen;
use crate::common::real::server;

/// The whole document around the tables of a run.
pub(crate) fn text(seen: &Seen, minutes: f64, tables: &str) -> String {
    let first_line = |program: &str| {
        let output = Command::new(program).arg("--version").output().expect("a version");
        String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
    };
    let server = first_line(&server());
    let server = server.split(" sha=").next().unwrap_or_default();
    let system = read_to_string("/etc/os-release").unwrap_or_default();
    let system =
        system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("an unknown system");
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let took = (seen.to - seen.from) / 60.0;
    let nodes = seen.nodes;
    format!(
        "# Reliability, measured

One exporter beside a real cluster for {took:.0} minutes, while faults come and go, scrapers ask {scrapes} times a second
and {HELD} clients open connections without asking. `UPDATE=1 make soak` does it again and writes this page; it takes an
hour, `SOAK_MINUTES` makes it shorter, and it fails where one of the bars below is broken. `make test` runs half a minute
of the same with ten nodes.

{build} build; {server}, {nodes} nodes, half of them replicas; {system}, Linux {kernel},
{cores} cores, shared by the exporter, the servers, the clients and whatever else the machine did; `SOAK_MINUTES={minutes}`.

## What came out

{tables}
![Memory, connections, file descriptors and tasks over time; faults in the background](images/reliability.svg)

## How it was done

`tests/soak.rs` boots the cluster, gives the exporter a user with the least rights ([access.md](access.md)) whose password
stands in a file, and starts the program as it is shipped with its defaults, but for a poll every second with a timeout of
700 ms. Then all of this goes on at the same time, until the time is up and the last fault is over:

- **Faults**, one after the other, with 5 s of calm between them: those of the table above. A fault lasts 8 s, or until a
  replica has taken over; it is over once every node says that all is well, all tables agree and all replicas have caught
  up. Each round takes other nodes, so that seeds and their heirs have their turn.
- **Scrapes**: {SCRAPERS} scrapers, each {PER_SCRAPER} times a second by the clock whether or not the last answer was
  quick: OpenMetrics and text, gzip and plain, on connections that stay and on new ones. {PAGES} times a second a page or a
  reply of the API besides. An answer counts if its code is 200 and its body complete; some of the gzipped ones are
  unpacked to see that.
- **Slow clients**: {HELD} connections of which one half says nothing and the other sends a head that never ends, a byte
  every half second; and twice a second {HALF_CLOSED} that close their half in the middle of a head. The exporter closes them
  after `header_timeout` (5 s), or earlier where all of `max_connections` (512) are taken and a scraper comes; where it
  closes one, another takes its place.
- **A look at every poll**: which nodes have not answered in full, by their series. A miss is explained by a fault of that
  very node, from its beginning until two polls after all was well, or by a machine that stood still: then a thread that
  sleeps 20 ms at a time woke up more than 250 ms late. Polls that come late or outlast the interval are misses too, that
  no fault explains.
- **A sample every 10 s** of memory, file descriptors, threads and CPU from `/proc`, and of connections and tasks from
  the exporter's own metrics.

Times of answers are those of a loaded machine, clients included; nothing fails for them.

## What it has brought to light

Before these were mended, resident memory crept up by three megabytes in ten minutes and swung by two:

- While a failover makes its way through a cluster, every node has a table of its own for a second or two, and each table
  held the slots of every primary, two kilobytes apiece: three megabytes with thirty nodes, by the square more with more.
  Tables now share what they have in common.
- The texts of `/metrics` and the state of the packer, a megabyte and a half, came from the heap and went back with every
  poll, on whichever thread was idle; what else was allocated meanwhile kept the heaps from shrinking. Their room is kept.
- Pages were made on a thread of their own, whose heap swung by a megabyte at every failover. Those of up to fifty nodes are
  made on the thread that serves.
- Each connection to a node kept buffers for its largest replies, all raw replies of a poll waited until the last of them
  had come, and a frame held the one before it. Replies are read into room that is lent and let go of as soon as they are
  read, and a frame stands alone.
",
        scrapes = SCRAPERS * PER_SCRAPER,
        kernel = kernel.trim(),
        system = system.trim_matches('"'),
    )
}
