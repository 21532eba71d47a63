//! What Linux says of this process, read from `/proc/self`. Elsewhere, and where a file cannot be read, the values are
//! absent.

use std::fs;

use crate::model::time::Timestamp;

/// Clock ticks per second in `/proc/self/stat`. The kernel's `USER_HZ` is 100 on every architecture that Rust
/// supports, whatever the kernel's own tick; asking for it would take `sysconf`, that is unsafe code.
const USER_HZ: f64 = 100.0;

/// The process now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// User and system time, seconds. `stat` fields 14 and 15.
    pub cpu_seconds: Option<f64>,
    /// `status` `VmRSS`, bytes.
    pub resident_bytes: Option<u64>,
    /// `status` `VmSize`, bytes.
    pub virtual_bytes: Option<u64>,
    /// `status` `Threads`.
    pub threads: Option<u64>,
    /// Entries of `fd`, without the one that lists them.
    pub open_fds: Option<u64>,
    /// `limits` `Max open files`, soft; absent where unlimited.
    pub max_fds: Option<u64>,
}

impl Process {
    /// Reads it. Takes some 50 µs; the files are in memory.
    pub fn read() -> Self {
        let stat = read("/proc/self/stat");
        let status = read("/proc/self/status");
        Self {
            cpu_seconds: cpu_seconds(&stat),
            resident_bytes: status_kib(&status, "VmRSS:"),
            virtual_bytes: status_kib(&status, "VmSize:"),
            threads: status_value(&status, "Threads:"),
            open_fds: fs::read_dir("/proc/self/fd").ok().map(|fds| (fds.count() as u64).saturating_sub(1)),
            max_fds: max_fds(&read("/proc/self/limits")),
        }
    }
}

/// When this process started. To be read once: the kernel derives the boot time from the clock, and it wanders with it.
pub fn started() -> Option<Timestamp> {
    let ticks: f64 = stat_field(&read("/proc/self/stat"), 22)?;
    let boot: f64 = read("/proc/stat").lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()?;
    Some(Timestamp::from_seconds(boot + ticks / USER_HZ))
}

/// Empty where there is no such file: every value is then absent.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// A field of `stat`, counted from 1 as in proc(5). The second is the name of the program in parentheses, which may
/// itself hold spaces and parentheses.
fn stat_field(stat: &str, number: usize) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split(' ').nth(number.checked_sub(3)?)?.parse().ok()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((stat_field(stat, 14)? + stat_field(stat, 15)?) / USER_HZ)
}

fn status_value(status: &str, key: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(key))?;
    value.split_whitespace().next()?.parse().ok()
}

fn status_kib(status: &str, key: &str) -> Option<u64> {
    status_value(status, key)?.checked_mul(1024)
}

fn max_fds(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "77 (a ) b) S 1 77 77 0 -1 4194304 97 0 0 0 150 25 9 9 20 0 3 0 138080 3133440 394 \
                        18446744073709551615 0";

    #[test]
    fn fields_are_found_behind_a_hostile_program_name() {
        assert_eq!(cpu_seconds(STAT), Some(1.75));
        assert_eq!(stat_field(STAT, 22), Some(138_080.0));
        assert_eq!(stat_field(STAT, 2), None);
        assert_eq!(cpu_seconds(""), None);
    }

    #[test]
    fn status_and_limits() {
        let status = "Name:\tx\nVmSize:\t    3060 kB\nVmRSS:\t    1760 kB\nThreads:\t3\n";
        assert_eq!(status_kib(status, "VmRSS:"), Some(1_802_240));
        assert_eq!(status_value(status, "Threads:"), Some(3));
        assert_eq!(status_kib(status, "VmSwap:"), None);
        assert_eq!(
            max_fds("Max open files            20000                40000                files\n"),
            Some(20_000)
        );
        assert_eq!(
            max_fds("Max open files            unlimited            unlimited            files\n"),
            None
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_plausible() {
        let process = Process::read();
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 100_000), "{process:?}");
        assert!(process.virtual_bytes >= process.resident_bytes, "{process:?}");
        assert!(process.threads.is_some_and(|threads| threads >= 1), "{process:?}");
        assert!(process.open_fds.is_some_and(|fds| fds >= 1), "{process:?}");
        assert!(process.cpu_seconds.is_some_and(|cpu| cpu >= 0.0), "{process:?}");
        let started = started().expect("a start time").as_seconds();
        let modified = fs::metadata("/proc/self").and_then(|m| m.modified()).expect("a time");
        let near = modified.duration_since(std::time::UNIX_EPOCH).expect("after the epoch").as_secs_f64();
        assert!((started - near).abs() < 3600.0, "{started} {near}");
    }
}
