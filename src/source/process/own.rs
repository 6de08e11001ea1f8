//! What this process itself has cost so far, and how it was started.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of this process, its threads included, children not.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The most memory that it had at a time, in bytes; 0 where procfs does not say.
pub fn peak_memory() -> u64 {
    let line = status("VmHWM:").unwrap_or_default();
    let kib = line.strip_suffix(" kB");
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Whether whoever started it had it ignore a signal, as nohup does SIGHUP; false where procfs does not say.
pub fn ignores(signal: i32) -> bool {
    let mask = status("SigIgn:").and_then(|mask| u64::from_str_radix(&mask, 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// What its `status` says under a name.
fn status(name: &str) -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.map(|line| line.trim().to_owned())
}
