//! How much memory the process holds.

/// Resident memory in bytes; 0 where the platform does not tell. Linux says it in
/// `/proc/self/status`, which stays readable under `ProcSubset=pid`.
#[must_use]
pub fn resident_bytes() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| parse(&text))
        .unwrap_or(0)
}

fn parse(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_the_status_text() {
        assert_eq!(
            parse("Name:\tx\nVmRSS:\t    1024 kB\nThreads:\t1\n"),
            Some(1024 * 1024)
        );
        assert_eq!(parse("Name:\tx\n"), None);
    }
}
