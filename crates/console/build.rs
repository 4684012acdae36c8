//! Puts the built console (`console/dist`) into the program. Without one, the program is built all the same.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let dist =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../console/dist");
    // Cargo runs this again for ever while a file it should watch is missing, so the folder is always there.
    let _ = fs::create_dir_all(&dist);
    println!("cargo::rerun-if-changed={}", dist.display());
    println!("cargo::rerun-if-changed=build.rs");

    let mut files = Vec::new();
    collect(&dist, &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for file in files.iter().filter(|file| !is_compressed(file)) {
        let name = file.strip_prefix(&dist).unwrap_or(file).to_string_lossy().replace('\\', "/");
        let brotli = with_suffix(file, ".br");
        let brotli = if brotli.is_file() { format!("Some({})", include(&brotli)) } else { "None".to_owned() };
        writeln!(table, "    Asset {{ name: {name:?}, plain: {}, brotli: {brotli} }},", include(file))
            .map_err(io::Error::other)?;
    }
    table += "]";
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("assets.rs"), table)
}

/// Every file below a folder; nothing where there is none.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

/// Whether it is the compressed form of a file beside it.
fn is_compressed(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "br") && file.with_extension("").is_file()
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn include(file: &Path) -> String {
    format!("include_bytes!({:?})", file.display().to_string())
}
