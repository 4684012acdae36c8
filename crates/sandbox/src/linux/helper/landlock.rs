//! Files, TCP ports and signals: Landlock.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, PathBeneath, RestrictionStatus, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::fs::{FileType, Mode, OFlags};

use crate::{Confinement, DEVICES, Network};

/// The newest version whose rights we know and have looked at; older kernels get what they have of it.
const NEWEST: ABI = ABI::V9;

/// What the child may do, ready to be enforced.
pub(super) struct Rules {
    ruleset: RulesetCreated,
    /// Declared paths that do not exist.
    pub(super) missing: Vec<PathBuf>,
}

/// Makes the rules of a confinement. `terminal` is the path of the child's own, if it has one.
pub(super) fn prepare(declared: &Confinement, terminal: Option<&Path>) -> Result<Rules, RulesetError> {
    let mut rules = Rules { ruleset: handled(&declared.network)?, missing: Vec::new() };
    for path in &declared.read {
        rules = rules.allow(path, AccessFs::from_read(NEWEST), true)?;
    }
    for path in &declared.write {
        rules = rules.allow(path, everything_but_devices(), true)?;
    }
    for path in DEVICES.iter().map(Path::new).chain(terminal) {
        rules = rules.allow(path, AccessFs::from_all(NEWEST), false)?;
    }
    rules.allow_ports(&declared.network)
}

/// Enforces the rules on this process and what it starts. Returns whether they hold.
pub(super) fn enforce(rules: Rules) -> Result<bool, RulesetError> {
    let RestrictionStatus { ruleset, .. } = rules.ruleset.restrict_self()?;
    Ok(ruleset != RulesetStatus::NotEnforced)
}

/// What is refused unless a rule allows it.
fn handled(network: &Network) -> Result<RulesetCreated, RulesetError> {
    let ruleset = Ruleset::default().handle_access(AccessFs::from_all(NEWEST))?;
    let ruleset = match network {
        Network::All => ruleset,
        Network::None | Network::Tcp { .. } => ruleset.handle_access(AccessNet::from_all(NEWEST))?,
    };
    ruleset.scope(Scope::from_all(NEWEST))?.create()
}

/// Making a device would open the disk below every rule.
fn everything_but_devices() -> BitFlags<AccessFs> {
    AccessFs::from_all(NEWEST) & !(AccessFs::MakeChar | AccessFs::MakeBlock)
}

impl Rules {
    /// Allows access to a path and what is below it.
    fn allow(
        mut self,
        path: &Path,
        access: BitFlags<AccessFs>,
        declared: bool,
    ) -> Result<Self, RulesetError> {
        let Some((handle, is_folder)) = look_at(path) else {
            self.missing.extend(declared.then(|| path.to_owned()).filter(|path| !is_system(path)));
            return Ok(self);
        };
        let access = if is_folder { access } else { access & AccessFs::from_file(NEWEST) };
        self.ruleset = self.ruleset.add_rule(PathBeneath::new(handle, access))?;
        Ok(self)
    }

    /// Allows a place that exists only since the rules were made: only this process and what it starts see it.
    pub(super) fn allow_own(self, place: &Path) -> Result<Self, RulesetError> {
        self.allow(place, everything_but_devices(), false)
    }

    fn allow_ports(mut self, network: &Network) -> Result<Self, RulesetError> {
        let Network::Tcp { connect, bind } = network else { return Ok(self) };
        for port in connect {
            self.ruleset = self.ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
        for port in bind {
            self.ruleset = self.ruleset.add_rule(NetPort::new(*port, AccessNet::BindTcp))?;
        }
        Ok(self)
    }
}

/// Systems differ: that one lacks a path that another has is nothing to report.
fn is_system(path: &Path) -> bool {
    crate::SYSTEM_READ.iter().any(|known| Path::new(known) == path)
}

/// A handle to what is there, and whether it is a folder.
fn look_at(path: &Path) -> Option<(OwnedFd, bool)> {
    let handle = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&handle).ok()?.st_mode);
    Some((handle, kind == FileType::Directory))
}
