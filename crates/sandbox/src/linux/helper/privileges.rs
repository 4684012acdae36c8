//! A confined child has no privileges, and can never gain any.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};

/// What root keeps where files are held by Landlock and by mounts: to work on files of other users. Without these root
/// could not write into a folder that is shared with a container.
const FILES_OF_OTHERS: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID);

/// Programs such as `sudo` run without what their files' bits would give them.
pub(super) fn gain_none() -> io::Result<()> {
    Ok(set_no_new_privs(true)?)
}

/// Gives up every capability, but those on files of others if `keep_files`.
pub(super) fn drop_all(keep_files: bool) -> io::Result<()> {
    let kept = if keep_files { FILES_OF_OTHERS } else { CapabilitySet::empty() };
    // Without the right to do so the set is not ours to use either; a kernel knows not every number.
    let _ = clear_ambient_capability_set();
    for one in CapabilitySet::all().difference(kept).iter() {
        let _ = remove_capability_from_bounding_set(one);
    }
    let held = rustix::thread::capabilities(None)?.permitted & kept;
    Ok(set_capabilities(
        None,
        CapabilitySets { effective: held, permitted: held, inheritable: CapabilitySet::empty() },
    )?)
}
