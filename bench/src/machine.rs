//! What the figures were taken on. Never a name or an address of the machine.

use std::fmt;

/// The facts that a reader needs to compare figures with their own.
pub struct Machine {
    processor: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
}

impl Machine {
    /// Reads the facts from `/proc`; what cannot be read is called unknown.
    pub fn read() -> Self {
        Self {
            processor: field(&proc_file("cpuinfo"), "model name")
                .unwrap_or_else(|| "unknown processor".into()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: memory_gib(&proc_file("meminfo")).unwrap_or_default(),
            kernel: proc_file("sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, cores, memory_gib, kernel } = self;
        write!(out, "{cores} cores of {processor}, {memory_gib:.0} GiB of memory, Linux {}", release(kernel))
    }
}

fn proc_file(name: &str) -> String {
    std::fs::read_to_string(format!("/proc/{name}")).unwrap_or_default()
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory_gib(meminfo: &str) -> Option<f64> {
    let kib: f64 = field(meminfo, "MemTotal")?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / f64::from(1 << 20))
}

/// The release without the suffix that a distribution or an operator gave its build.
fn release(kernel: &str) -> &str {
    kernel.split('-').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_without_names_of_builds() {
        assert_eq!(field("a: 1\nmodel name\t: X y\n", "model name").as_deref(), Some("X y"));
        assert_eq!(memory_gib("MemTotal:       2097152 kB\n"), Some(2.0));
        assert_eq!(release("6.1.0-13-amd64"), "6.1.0");
        assert!(Machine::read().to_string().contains("cores of"));
    }
}
