//! What a child may touch, declared. The kernel holds it to that, or [`gaps`](crate::gaps()) says where it does not.

use std::path::{Path, PathBuf};

/// What programs need of the system to run at all. Only what every user may know: of `/etc` single files, not the
/// folder, because root could read its secrets too. Those that do not exist are left out.
pub const SYSTEM_READ: &[&str] = &[
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/usr",
    "/opt",
    "/nix/store",
    "/proc",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/etc/alternatives",
    "/etc/bash.bashrc",
    "/etc/bash_completion.d",
    "/etc/ca-certificates",
    "/etc/debian_version",
    "/etc/fonts",
    "/etc/gai.conf",
    "/etc/gitconfig",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/locale.alias",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki/tls/certs",
    "/etc/profile",
    "/etc/profile.d",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/shells",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/terminfo",
    "/etc/timezone",
    "/etc/vim",
    "/etc/zsh",
];

/// Devices that every confined child may read and write: they keep nothing. Its own terminal comes in addition.
pub const DEVICES: &[&str] =
    &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// What happens where the kernel cannot hold all that was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The program is not started.
    #[default]
    Required,
    /// It is started, and the [`Report`](crate::Report) names every gap.
    Preferred,
}

/// Which of the network a child may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Network {
    /// Nothing: it cannot make a socket but pairs of connected ones.
    #[default]
    None,
    /// TCP only, to and from these ports, on any address. No UDP: names resolve over TCP (`RES_OPTIONS=use-vc`, with
    /// port 53 in `connect`) or not at all.
    Tcp {
        /// Ports that it may connect to.
        connect: Vec<u16>,
        /// Ports that it may listen on.
        bind: Vec<u16>,
    },
    /// IPv4 and IPv6 without limits, but no raw or packet sockets.
    All,
}

/// What a child may touch. [`Confinement::default`] lets it touch nothing, and then no program starts:
/// begin with [`Confinement::folder`] or [`Confinement::system`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Confinement {
    /// What to do where the kernel lacks something.
    pub mode: Mode,
    /// Files and folders (with all that is below) that may be read and executed. Links are followed now, once.
    pub read: Vec<PathBuf>,
    /// Files and folders (with all that is below) that may be read, executed, changed, made and removed.
    pub write: Vec<PathBuf>,
    /// The network.
    pub network: Network,
    /// Unix sockets. They lead to services that act for the user (D-Bus, Docker, agents), which is a way out of any
    /// confinement; without them the child can only make connected pairs.
    pub unix_sockets: bool,
    /// Whether modes, owners, times and attributes of files outside of `write` are held too, though Landlock does not.
    /// That takes a mount namespace, which not every system gives to ordinary users.
    pub metadata: bool,
}

impl Confinement {
    /// Programs of the system run, and reach nothing else: no home, no network.
    pub fn system() -> Self {
        Self { read: SYSTEM_READ.iter().map(PathBuf::from).collect(), metadata: true, ..Self::default() }
    }

    /// As [`Confinement::system`], with one folder to work in.
    pub fn folder(path: impl AsRef<Path>) -> Self {
        Self { write: vec![path.as_ref().to_owned()], ..Self::system() }
    }
}
