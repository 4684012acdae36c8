//! Gets the peers that are not built here: FastMCP and LiteLLM from PyPI, the official filesystem server from npm, ripgrep
//! and ttyd from Debian.
//!
//! Everything lies in the user's cache folder, outside the checkout, in a folder named after what it was made from: a
//! second run finds it, and a changed list of versions makes a new one. Nothing is installed on the system.

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

const FASTMCP_SERVER: &str = include_str!("../peers/fastmcp/server.py");
const FASTMCP_REQUIREMENTS: &str = include_str!("../peers/fastmcp/requirements.txt");
const FASTMCP_CONSTRAINTS: &str = include_str!("../peers/fastmcp/constraints.txt");

const LITELLM_SERVER: &str = include_str!("../litellm/server.py");
const LITELLM_REQUIREMENTS: &str = include_str!("../litellm/requirements.txt");
const LITELLM_CONSTRAINTS: &str = include_str!("../litellm/constraints.txt");

const BULLMQ_PACKAGE: &str = include_str!("../bullmq/package.json");
const BULLMQ_LOCK: &str = include_str!("../bullmq/package-lock.json");
const BULLMQ_MEASURE: &str = include_str!("../bullmq/measure.mjs");

const FILESYSTEM_PACKAGE: &str = include_str!("../filesystem/package.json");
const FILESYSTEM_LOCK: &str = include_str!("../filesystem/package-lock.json");

/// Where the filesystem server's program is below the folder that npm filled.
const FILESYSTEM_PROGRAM: &str = "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js";

/// Where the `rg` program is in Debian's package.
const RIPGREP_PROGRAM: &str = "usr/bin/rg";

/// Unpacks ttyd and all that it needs from Debian's testing release into `root`, with lists of its own: nothing on the
/// system changes. The mirror is the one that the system's own lists name.
const TTYD_INSTALL: &str = include_str!("../ttyd/install.sh");

/// The file that a folder gets last: without it, the folder was left half done.
const COMPLETE: &str = ".complete";

/// The cache of peers.
pub struct Setup {
    cache: PathBuf,
}

impl Setup {
    /// Uses `$XDG_CACHE_HOME/drawbridge-bench`, or `~/.cache/drawbridge-bench`.
    ///
    /// # Errors
    ///
    /// When there is neither of the two, or the folder cannot be made.
    pub fn in_user_cache() -> anyhow::Result<Self> {
        let base = std::env::var_os("XDG_CACHE_HOME")
            .filter(|path| Path::new(path).is_absolute())
            .map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
        let base = base.or_else(home).context("no place for the peers: set XDG_CACHE_HOME or HOME")?;
        Self::in_folder(base.join("drawbridge-bench"))
    }

    /// Uses `cache`.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn in_folder(cache: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
        Ok(Self { cache })
    }

    /// Where everything is kept.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The FastMCP server; needs `python3` with its `venv` module, and PyPI the first time.
    ///
    /// # Errors
    ///
    /// When it cannot be installed; the message has the installer's last words.
    pub fn fastmcp(&self) -> anyhow::Result<Command> {
        self.python("fastmcp", [FASTMCP_SERVER, FASTMCP_REQUIREMENTS, FASTMCP_CONSTRAINTS])
    }

    /// LiteLLM's proxy, still without its provider; needs what [`Self::fastmcp`] needs.
    ///
    /// # Errors
    ///
    /// When it cannot be installed; the message has the installer's last words.
    pub fn litellm(&self) -> anyhow::Result<Command> {
        self.python("litellm", [LITELLM_SERVER, LITELLM_REQUIREMENTS, LITELLM_CONSTRAINTS])
    }

    /// A server in Python: its program, what it needs, and the versions of that.
    fn python(&self, name: &str, inputs: [&str; 3]) -> anyhow::Result<Command> {
        let folder = self.folder(name, &inputs, |folder| {
            for (file, text) in ["server.py", "requirements.txt", "constraints.txt"].iter().zip(inputs) {
                std::fs::write(folder.join(file), text)?;
            }
            run(folder, "python3", &["-m", "venv", "venv"])?;
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
            let versions = ["-r", "requirements.txt", "-c", "constraints.txt"];
            run(folder, "venv/bin/python", &[&pip[..], &versions].concat())
        })?;
        let mut command = Command::new(folder.join("venv/bin/python"));
        command.arg(folder.join("server.py"));
        Ok(command)
    }

    /// The official filesystem server, still without its allowed folder; needs `node` and `npm`, and the npm registry the
    /// first time.
    ///
    /// # Errors
    ///
    /// When it cannot be installed; the message has the installer's last words.
    pub fn filesystem_server(&self) -> anyhow::Result<Command> {
        let folder = self.folder("filesystem", &[FILESYSTEM_PACKAGE, FILESYSTEM_LOCK], |folder| {
            std::fs::write(folder.join("package.json"), FILESYSTEM_PACKAGE)?;
            std::fs::write(folder.join("package-lock.json"), FILESYSTEM_LOCK)?;
            run(folder, "npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        })?;
        let mut command = Command::new("node");
        command.arg(folder.join(FILESYSTEM_PROGRAM));
        Ok(command)
    }

    /// BullMQ with what measures it, still without its Redis; needs `node` and `npm`, and the npm registry the first time.
    ///
    /// # Errors
    ///
    /// When it cannot be installed; the message has the installer's last words.
    pub fn bullmq(&self) -> anyhow::Result<Command> {
        let inputs = [BULLMQ_PACKAGE, BULLMQ_LOCK, BULLMQ_MEASURE];
        let folder = self.folder("bullmq", &inputs, |folder| {
            std::fs::write(folder.join("package.json"), BULLMQ_PACKAGE)?;
            std::fs::write(folder.join("package-lock.json"), BULLMQ_LOCK)?;
            std::fs::write(folder.join("measure.mjs"), BULLMQ_MEASURE)?;
            run(folder, "npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        })?;
        let mut command = Command::new("node");
        command.arg(folder.join("measure.mjs")).env("KIT", &folder);
        Ok(command)
    }

    /// ripgrep: the one that is installed, or else Debian's package, unpacked in the cache.
    ///
    /// # Errors
    ///
    /// When there is neither an `rg` nor an `apt-get` that knows the package.
    pub fn ripgrep(&self) -> anyhow::Result<Command> {
        if Command::new("rg").arg("--version").output().is_ok_and(|output| output.status.success()) {
            return Ok(Command::new("rg"));
        }
        let folder = self.folder("ripgrep", &[], |folder| {
            run(folder, "apt-get", &["download", "--quiet", "ripgrep"])
                .context("install ripgrep, or run `apt-get update` once")?;
            run(folder, "sh", &["-c", "dpkg-deb --extract ripgrep_*.deb ."])
        })?;
        Ok(Command::new(folder.join(RIPGREP_PROGRAM)))
    }

    /// ttyd: the one that is installed, or else Debian's package and the libraries it needs, unpacked in the cache. Debian's
    /// stable release may not have it, and its testing release needs newer libraries than are installed: so it brings
    /// its own, down to the loader.
    ///
    /// # Errors
    ///
    /// When there is neither a `ttyd` nor an `apt-get` that reaches Debian.
    pub fn ttyd(&self) -> anyhow::Result<Command> {
        if Command::new("ttyd").arg("--version").output().is_ok_and(|output| output.status.success()) {
            return Ok(Command::new("ttyd"));
        }
        let folder = self.folder("ttyd", &[TTYD_INSTALL], |folder| {
            run(folder, "sh", &["-ec", TTYD_INSTALL]).context("install ttyd, or run this on Debian")
        })?;
        let libraries = folder.join("lib");
        let mut command = Command::new(folder.join("loader"));
        command.arg("--library-path").arg(&libraries).arg(folder.join("root/usr/bin/ttyd"));
        // Only its plugin is there: what runs in its terminals keeps the system's libraries.
        command.env("LD_LIBRARY_PATH", folder.join("plugins"));
        Ok(command)
    }

    /// The folder made from `inputs`; `fill` fills it when it is not complete.
    fn folder(
        &self,
        name: &str,
        inputs: &[&str],
        fill: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<PathBuf> {
        let mut hasher = DefaultHasher::new();
        inputs.hash(&mut hasher);
        let folder = self.cache.join(format!("{name}-{:016x}", hasher.finish()));
        if folder.join(COMPLETE).exists() {
            return Ok(folder);
        }
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        fill(&folder).with_context(|| format!("cannot set up {name} in {}", folder.display()))?;
        std::fs::write(folder.join(COMPLETE), "")?;
        Ok(folder)
    }
}

/// Runs a program in `folder`; what it printed is in the error when it fails.
fn run(folder: &Path, program: &str, arguments: &[impl AsRef<OsStr>]) -> anyhow::Result<()> {
    let path = if program.contains('/') { folder.join(program) } else { program.into() };
    let output = Command::new(path)
        .args(arguments)
        .current_dir(folder)
        .output()
        .with_context(|| format!("{program} cannot be run: is it installed?"))?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&said).trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_filled_once_and_again_when_its_inputs_change() {
        let place = tempfile::tempdir().unwrap();
        let setup = Setup::in_folder(place.path().join("cache")).unwrap();
        let first = setup.folder("peer", &["1"], |_| Ok(())).unwrap();
        let again = setup.folder("peer", &["1"], |_| anyhow::bail!("must not be filled again")).unwrap();
        let changed = setup.folder("peer", &["2"], |_| Ok(())).unwrap();
        assert_eq!(first, again);
        assert_ne!(first, changed);
    }

    #[test]
    fn a_folder_that_was_left_half_done_is_made_anew() {
        let place = tempfile::tempdir().unwrap();
        let setup = Setup::in_folder(place.path().join("cache")).unwrap();
        let broken = setup.folder("peer", &[], |folder| {
            std::fs::write(folder.join("half"), "")?;
            anyhow::bail!("no network")
        });
        assert!(format!("{:#}", broken.unwrap_err()).contains("no network"));
        let folder = setup.folder("peer", &[], |_| Ok(())).unwrap();
        assert!(!folder.join("half").exists());
    }

    #[test]
    fn a_program_that_fails_is_quoted() {
        let error = run(Path::new("/"), "sh", &["-c", "echo no luck; exit 3"]).unwrap_err();
        assert!(error.to_string().contains("no luck"), "{error}");
        let error = run(Path::new("/"), "no-such-program", &[""; 0]).unwrap_err();
        assert!(error.to_string().contains("is it installed?"), "{error}");
    }

    #[test]
    fn the_lock_file_names_no_registry() {
        assert!(!FILESYSTEM_LOCK.contains("\"resolved\""));
    }
}
