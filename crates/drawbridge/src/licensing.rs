//! Tiers and the licence, from their files, for as long as the hub runs: whoever changes a file need not restart it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use chrono::Utc;
use drawbridge_contract::{Licence, Licensing};
use drawbridge_gateway::{Gateway, Patterns};
use drawbridge_licence::{
    LICENCE_BYTES_MAX, TIERS_BYTES_MAX, Tiers, read_licence, read_toml, read_yaml, usual,
};

use crate::{config, home};

/// The files' names in the state folder: ours, and that of llmbasedos.
const LICENCE_FILE: &str = "lic.key";
const TIERS_FILE: &str = "tiers.toml";
const OLD_TIERS_FILE: &str = "licence_tiers.yaml";

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the files say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) licensing: Licensing,
    /// Where the tiers come from; `None` for the usual ones, or for none.
    pub(crate) tiers_from: Option<PathBuf>,
    /// What is wrong with the tiers, for the owner.
    pub(crate) problem: Option<String>,
}

/// Whether a file is one of llmbasedos, by its name.
pub(crate) fn is_old(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Where the files are, and whose signature counts.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    licence: PathBuf,
    /// In the order in which they count.
    tiers: Vec<PathBuf>,
    config: config::Licence,
}

impl Files {
    pub(crate) fn of(state: &Path, config: &config::Licence) -> Self {
        let of = |path: &PathBuf| state.join(home::expand(path).unwrap_or_else(|_| path.clone()));
        let usual = || vec![state.join(TIERS_FILE), state.join(OLD_TIERS_FILE)];
        Self {
            licence: config.file.as_ref().map_or_else(|| state.join(LICENCE_FILE), of),
            tiers: config.tiers.as_ref().map_or_else(usual, |path| vec![of(path)]),
            config: config.clone(),
        }
    }

    /// The file that tiers are written into where there is none yet.
    pub(crate) fn tiers_to_be(&self) -> Option<&Path> {
        self.tiers.first().map(PathBuf::as_path)
    }

    /// Reads both. What cannot be read gives nothing, and is said.
    pub(crate) fn read(&self) -> Found {
        let licence = self.licence().map(Arc::new);
        let mut found = self.tiers();
        if licence.is_some() && found == Found::default() {
            found.licensing.tiers = usual();
        }
        found.licensing.licence = licence;
        found
    }

    fn licence(&self) -> Option<Licence> {
        match text(&self.licence, LICENCE_BYTES_MAX) {
            Ok(text) => {
                Some(read_licence(&text, self.config.signer.as_ref().map(|signer| &signer.0), Utc::now()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.config.file.is_none() => None,
            Err(error) => {
                let fault = format!("the licence {} cannot be read: {error}", self.licence.display());
                let (key_id, user, tier) = Default::default();
                Some(Licence {
                    key_id,
                    user,
                    tier,
                    expires_us: None,
                    is_signed: false,
                    fault: Some(fault.into()),
                })
            }
        }
    }

    fn tiers(&self) -> Found {
        for path in &self.tiers {
            let read = match text(path, TIERS_BYTES_MAX) {
                Ok(text) => parse(path, &text),
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.config.tiers.is_none() => {
                    continue;
                }
                Err(error) => Err(error.to_string()),
            };
            let (tiers, problem) = match read {
                Ok(tiers) => (tiers, None),
                Err(why) => {
                    (Tiers::new(), Some(format!("the tiers in {} cannot be used: {why}", path.display())))
                }
            };
            let licensing = Licensing { tiers, licence: None };
            return Found { licensing, tiers_from: Some(path.clone()), problem };
        }
        Found::default()
    }

    /// Changes when one of the files may have.
    fn stamp(&self) -> Vec<Option<(SystemTime, u64)>> {
        let of = |path: &PathBuf| {
            fs::metadata(path).ok().and_then(|meta| Some((meta.modified().ok()?, meta.len())))
        };
        std::iter::once(&self.licence).chain(&self.tiers).map(of).collect()
    }
}

/// Reads tiers, their patterns included.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Tiers, String> {
    let tiers =
        if is_old(path) { read_yaml(text) } else { read_toml(text) }.map_err(|error| error.to_string())?;
    for tier in tiers.values() {
        let models = tier.llm.iter().flat_map(|llm| &llm.models);
        Patterns::compile(tier.allowed.iter().chain(models).map(|pattern| &**pattern))
            .map_err(|error| format!("in {}: {error}", tier.name))?;
    }
    Ok(tiers)
}

/// A file's text, if only its owner can change it: whoever can change it gives itself what it likes.
fn text(path: &Path, bytes_max: usize) -> io::Result<String> {
    let meta = fs::metadata(path)?;
    if others_can_change(&meta) {
        return Err(io::Error::other("other users can change it; `chmod go-w` it"));
    }
    if meta.len() > bytes_max as u64 {
        return Err(io::Error::other(format!("it has more than {bytes_max} bytes")));
    }
    fs::read_to_string(path)
}

#[cfg(unix)]
fn others_can_change(meta: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o022 != 0
}

#[cfg(not(unix))]
fn others_can_change(_: &fs::Metadata) -> bool {
    false
}

/// Follows the files until the gateway is gone.
pub(crate) async fn follow(files: Files, mut found: Found, gateway: Weak<Gateway>) {
    let mut stamp = files.stamp();
    let mut tick = tokio::time::interval(LOOK_EVERY);
    loop {
        tick.tick().await;
        let Some(gateway) = gateway.upgrade() else { return };
        let now = files.stamp();
        if now == stamp && !lapses(&found) {
            continue;
        }
        stamp = now;
        let read = files.read();
        if read != found && apply(&gateway, &read) {
            found = read;
        }
    }
}

/// Whether its licence has run out since it was read.
fn lapses(found: &Found) -> bool {
    let licence = found.licensing.licence.as_ref().filter(|licence| licence.fault.is_none());
    licence.and_then(|licence| licence.expires_us).is_some_and(|end| end <= drawbridge_store::now_us())
}

fn apply(gateway: &Gateway, found: &Found) -> bool {
    tell(found);
    match gateway.relicense(found.licensing.clone()) {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(%error, "the tiers stay as they were");
            false
        }
    }
}

/// Says in the log what holds, and what is wrong with it.
pub(crate) fn tell(found: &Found) {
    if let Some(problem) = &found.problem {
        tracing::error!("{problem}");
    }
    match &found.licensing.licence {
        Some(licence) => match &licence.fault {
            Some(fault) => tracing::error!("{fault}; keys without a tier of their own may do nothing"),
            None => tracing::info!(tier = %licence.tier, user = %licence.user, "a licence holds"),
        },
        None if !found.licensing.tiers.is_empty() => {
            tracing::info!(tiers = found.licensing.tiers.len(), "tiers hold for keys that name one");
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)], config: &config::Licence) -> Found {
        let state = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(state.path().join(name), text).unwrap();
            #[cfg(unix)]
            mode(&state.path().join(name), 0o600);
        }
        Files::of(state.path(), config).read()
    }

    #[cfg(unix)]
    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }

    fn usually(files: &[(&str, &str)]) -> Found {
        found(files, &config::Licence::default())
    }

    #[test]
    fn without_files_nothing_is_bounded() {
        assert_eq!(usually(&[]), Found::default());
    }

    #[test]
    fn a_licence_alone_has_the_usual_tiers() {
        let found = usually(&[("lic.key", "PRO:me:2199-12-31")]);
        assert_eq!(found.licensing.tiers.len(), 3);
        assert_eq!(found.licensing.grade("key:a", None).unwrap().tier.name.as_ref(), "PRO");
    }

    #[test]
    fn our_file_counts_before_the_old_one() {
        let old = (OLD_TIERS_FILE, "OLD:\n  llm_access: true\n");
        assert!(usually(&[old]).licensing.tiers.contains_key("OLD"));
        let both = usually(&[old, (TIERS_FILE, "[NEW]\n")]);
        assert!(both.licensing.tiers.contains_key("NEW") && both.licensing.tiers.len() == 1);
    }

    #[test]
    fn tiers_at_fault_give_nothing_and_are_told() {
        for text in ["[PRO]\nrate = 1\n", "[PRO]\nallowed_capabilities = ['files_[']\n"] {
            let found = usually(&[(TIERS_FILE, text), ("lic.key", "PRO:me:2199-12-31")]);
            assert!(found.licensing.tiers.is_empty() && found.problem.is_some(), "{found:?}");
            assert!(found.licensing.grade("key:a", None).unwrap().fault.is_some());
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_licence_that_others_can_change_is_none() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join(LICENCE_FILE);
        fs::write(&path, "PRO:me:2199-12-31").unwrap();
        mode(&path, 0o666);
        let licence = Files::of(state.path(), &config::Licence::default()).read().licensing.licence.unwrap();
        assert!(licence.fault.as_ref().unwrap().contains("other users"), "{licence:?}");
    }

    #[test]
    fn a_file_that_is_named_must_be_there() {
        let config =
            config::Licence { file: Some("mine.key".into()), tiers: Some("mine.toml".into()), signer: None };
        let found = found(&[], &config);
        assert!(found.problem.is_some() && found.licensing.licence.unwrap().fault.is_some());
    }
}
