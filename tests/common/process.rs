//! What Linux says of a process that a test or a bench has started.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;

/// Ticks of `/proc/PID/stat` in a second: the same on every Linux.
const TICKS: f64 = 100.0;

/// What a process uses, and has used until now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Of all its threads, in user space and in the kernel.
    pub(crate) cpu_seconds: f64,
    /// `VmRSS`
    pub(crate) rss_mb: f64,
    /// `RssAnon`: without the pages of the program's file, which the kernel takes and brings back as it likes.
    pub(crate) anonymous_mb: f64,
    /// `VmHWM`
    pub(crate) peak_mb: f64,
    /// `Threads`
    pub(crate) threads: f64,
    /// Entries of `fd`
    pub(crate) fds: f64,
}

impl Usage {
    /// Of a process that lives.
    pub(crate) fn of(pid: u32) -> Self {
        let process = format!("/proc/{pid}");
        let status = fs::read_to_string(format!("{process}/status")).expect("the process lives");
        let number = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("a line of status");
            line.split_ascii_whitespace().next().and_then(|word| word.parse::<f64>().ok()).expect("a number")
        };
        Self {
            // The one is finer, the other holds the threads that have ended too.
            cpu_seconds: scheduled(pid).max(ticks(pid)),
            rss_mb: number("VmRSS:") / 1024.0,
            anonymous_mb: number("RssAnon:") / 1024.0,
            peak_mb: number("VmHWM:") / 1024.0,
            threads: number("Threads:"),
            fds: fs::read_dir(format!("{process}/fd")).expect("the process lives").count() as f64,
        }
    }
}

/// From now on its peak counts anew.
pub(crate) fn forget_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("a process of our own");
}

/// `schedstat` of the threads that live, nanoseconds made seconds.
fn scheduled(pid: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the process lives");
    let nanoseconds = |thread: std::io::Result<fs::DirEntry>| {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    threads.filter_map(nanoseconds).sum::<f64>() / 1e9
}

/// `utime` and `stime`.
fn ticks(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
    let behind_name = stat.rsplit_once(')').expect("a name in brackets").1;
    let fields = behind_name.split_ascii_whitespace().skip(11).take(2);
    fields.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS
}
