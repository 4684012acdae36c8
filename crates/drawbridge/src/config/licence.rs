//! The fields of `[licence]`.

use std::path::PathBuf;

use drawbridge_licence::PublicKey;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Licence {
    /// The licence that says which tier keys are in that name none; absent is `lic.key` in the state folder, if it is
    /// there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// The tiers; absent is `tiers.toml` in the state folder, or `licence_tiers.yaml`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tiers: Option<PathBuf>,
    /// Whose signature a licence must carry, as `drawbridge licence new-key` prints it; absent lets unsigned ones count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signer: Option<Signer>,
}

/// A public key, in base64.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Signer(pub(crate) PublicKey);

impl TryFrom<String> for Signer {
    type Error = drawbridge_licence::KeyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        PublicKey::from_text(&text).map(Self)
    }
}

impl From<Signer> for String {
    fn from(signer: Signer) -> Self {
        signer.0.to_text()
    }
}
