//! What Linux says of this process: its clock and limits, and `/proc/self`. Where that cannot be read, the values are
//! absent.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};

use rustix::param::page_size;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::model::time::Timestamp;

/// Clock ticks per second in `/proc/self/stat`. The kernel's `USER_HZ` is 100 on every architecture that Rust
/// supports, whatever the kernel's own tick; asking for it would take `sysconf`, that is unsafe code.
const USER_HZ: f64 = 100.0;

/// The process now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// User and system time, seconds.
    pub cpu_seconds: f64,
    /// Second field of `statm`, bytes.
    pub resident_bytes: Option<u64>,
    /// First field of `statm`, bytes.
    pub virtual_bytes: Option<u64>,
    /// Entries of `task`.
    pub threads: Option<u64>,
    /// Entries of `fd`.
    pub open_fds: Option<u64>,
    /// The soft limit of open files; absent where unlimited.
    pub max_fds: Option<u64>,
}

/// What of `/proc/self` every scrape reads. It is kept open: half of the work would be to find it.
#[derive(Debug)]
pub struct Files {
    statm: Option<File>,
    task: Option<File>,
    fd: Option<File>,
}

impl Files {
    /// Opens those that are there.
    pub fn open() -> Self {
        let open = |path| File::open(path).ok();
        Self { statm: open("/proc/self/statm"), task: open("/proc/self/task"), fd: open("/proc/self/fd") }
    }

    /// The process at this moment.
    pub fn read(&self) -> Process {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let memory = self.statm.as_ref().and_then(Memory::read);
        Process {
            cpu_seconds: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
            resident_bytes: memory.map(|memory| memory.resident),
            virtual_bytes: memory.map(|memory| memory.total),
            threads: self.task.as_ref().and_then(threads),
            open_fds: self.fd.as_ref().and_then(open_fds),
            max_fds: getrlimit(Resource::Nofile).current,
        }
    }
}

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Memory {
    total: u64,
    resident: u64,
}

impl Memory {
    fn read(statm: &File) -> Option<Self> {
        let mut line = [0; 128];
        let length = statm.read_at(&mut line, 0).ok()?;
        Self::parse(std::str::from_utf8(line.get(..length)?).ok()?, page_size() as u64)
    }

    fn parse(statm: &str, page: u64) -> Option<Self> {
        let mut pages = statm.split_whitespace().map(|pages| pages.parse::<u64>().ok()?.checked_mul(page));
        Some(Self { total: pages.next()??, resident: pages.next()?? })
    }
}

/// A directory has a link from each directory in it, beside its own two.
fn threads(task: &File) -> Option<u64> {
    task.metadata().ok()?.nlink().checked_sub(2).filter(|threads| *threads > 0)
}

/// Linux tells the number as the size of the directory since 6.2; before, the entries have to be counted, without the one
/// that lists them.
fn open_fds(fd: &File) -> Option<u64> {
    match fd.metadata().ok()?.size() {
        0 => Some((fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1)),
        told => Some(told),
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

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "77 (a ) b) S 1 77 77 0 -1 4194304 97 0 0 0 150 25 9 9 20 0 3 0 138080 3133440 394 \
                        18446744073709551615 0";

    #[test]
    fn fields_are_found_behind_a_hostile_program_name() {
        assert_eq!(stat_field(STAT, 22), Some(138_080.0));
        assert_eq!(stat_field(STAT, 2), None);
        assert_eq!(stat_field("", 22), None);
    }

    #[test]
    fn memory_is_told_in_pages() {
        let memory = Memory { total: 765 * 4096, resident: 440 * 4096 };
        assert_eq!(Memory::parse("765 440 180 5 0 600 0\n", 4096), Some(memory));
        assert_eq!(Memory::parse("765", 4096), None);
        assert_eq!(Memory::parse("", 4096), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_plausible_time_after_time() {
        let files = Files::open();
        let before = files.read();
        let more: Vec<_> = (0..64).map(|_| File::open("/proc/self/stat").expect("a file")).collect();
        let room = vec![1u8; 32 << 20];
        let process = files.read();
        assert!(
            process.resident_bytes >= before.resident_bytes.map(|bytes| bytes + (16 << 20)),
            "{process:?}"
        );
        assert!(process.open_fds > before.open_fds, "{process:?}");
        drop((more, room));
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 100_000), "{process:?}");
        assert!(process.virtual_bytes >= process.resident_bytes, "{process:?}");
        assert!(process.threads.is_some_and(|threads| threads >= 1), "{process:?}");
        assert!(process.open_fds.is_some_and(|fds| fds >= 1), "{process:?}");
        assert!(process.cpu_seconds > 0.0, "{process:?}");
        let started = started().expect("a start time").as_seconds();
        let modified = fs::metadata("/proc/self").and_then(|m| m.modified()).expect("a time");
        let near = modified.duration_since(std::time::UNIX_EPOCH).expect("after the epoch").as_secs_f64();
        assert!((started - near).abs() < 3600.0, "{started} {near}");
    }
}
