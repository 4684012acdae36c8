//! Language models with other people's programs on both sides: llama.cpp's own server, and the SDKs of OpenAI and
//! Anthropic in Python and JavaScript.

pub(crate) mod double;
mod real;
mod sdks;

use std::path::PathBuf;

/// A path that `cargo xtask test` puts into the environment.
fn from_xtask(name: &str) -> PathBuf {
    let Some(path) = std::env::var_os(name) else { panic!("{name} is not set: run `cargo xtask test`") };
    path.into()
}

/// The Python that has what these tests need.
fn python() -> PathBuf {
    from_xtask("DRAWBRIDGE_TEST_LLM_PYTHON").join("bin/python")
}

/// A file of the kits' own, in the checkout.
fn script(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
