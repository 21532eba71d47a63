//! What Linux says of a process that a test or a bench has started.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fs;

/// What a process uses, and has used until now.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// Of all its threads: `schedstat`, nanoseconds made seconds.
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
        let threads = fs::read_dir(format!("{process}/task")).expect("the process lives");
        let nanoseconds = |thread: std::io::Result<fs::DirEntry>| {
            let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<f64>().ok()
        };
        let status = fs::read_to_string(format!("{process}/status")).expect("the process lives");
        let number = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("a line of status");
            line.split_ascii_whitespace().next().and_then(|word| word.parse::<f64>().ok()).expect("a number")
        };
        Self {
            cpu_seconds: threads.filter_map(nanoseconds).sum::<f64>() / 1e9,
            rss_mb: number("VmRSS:") / 1024.0,
            anonymous_mb: number("RssAnon:") / 1024.0,
            peak_mb: number("VmHWM:") / 1024.0,
            threads: number("Threads:"),
            fds: fs::read_dir(format!("{process}/fd")).expect("the process lives").count() as f64,
        }
    }
}
