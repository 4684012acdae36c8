//! Request states: what a caller carries between the rounds of one call, without being able to read, change or
//! reuse it (MCP 2026-07-28, multi-round-trip requests).
//!
//! XChaCha20-Poly1305 under the installation's sealing secret. The caller, the target and the arguments are
//! associated data: a state opens only for the very call that it was made for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use drawbridge_contract::{Call, Refusal};
use serde::{Deserialize, Serialize};

use crate::time::now_seconds;

/// How long a state can be used: a person may have gone for lunch.
const STATE_SECONDS_MAX: u64 = 3 * 60 * 60;
/// Larger states are refused before they are decoded.
const STATE_BYTES_MAX: usize = 64 * 1024;
const NONCE_BYTES: usize = 24;

/// What a sealed state holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// When it was made, in seconds since the epoch.
    pub(crate) made: u64,
    /// The approval that was asked for.
    pub(crate) approval: Option<Box<str>>,
    /// Whether the owner has approved this call in an earlier round.
    pub(crate) approved: bool,
    /// What the tool wants to know in the next round.
    pub(crate) tool: Option<String>,
}

pub(crate) struct Sealer(XChaCha20Poly1305);

impl Sealer {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(secret.into()))
    }

    pub(crate) fn seal(&self, call: &Call, state: State) -> String {
        let state = State { made: now_seconds(), ..state };
        let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
        let (plain, bound_to) = (drawbridge_contract::raw(&state), bound_to(call));
        let payload = Payload { msg: plain.get().as_bytes(), aad: &bound_to };
        #[expect(clippy::expect_used, reason = "the cipher fails only for messages of 256 GiB and more")]
        let sealed = self.0.encrypt(&nonce, payload).expect("a state is small");
        URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())
    }

    pub(crate) fn open(&self, call: &Call, sealed: &str) -> Result<State, Refusal> {
        if sealed.len() > STATE_BYTES_MAX {
            return Err(Refusal::BadState("it is too long"));
        }
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| Refusal::BadState("it was altered"))?;
        let (nonce, sealed) =
            bytes.split_at_checked(NONCE_BYTES).ok_or(Refusal::BadState("it is too short"))?;
        let payload = Payload { msg: sealed, aad: &bound_to(call) };
        let forged = Refusal::BadState("it was altered, or made for another call or caller");
        let plain = self.0.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| forged.clone())?;
        let state: State = serde_json::from_slice(&plain).map_err(|_| forged)?;
        if now_seconds().saturating_sub(state.made) > STATE_SECONDS_MAX {
            return Err(Refusal::BadState("it is too old"));
        }
        Ok(state)
    }
}

/// The call's identity for the seal: its parts, each with its length in front, so that none can flow into another.
fn bound_to(call: &Call) -> Vec<u8> {
    let target = call.target.to_string();
    let arguments = call.arguments.value().to_string();
    let mut bytes = Vec::new();
    for part in [&*call.caller.id, &target, &arguments] {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use drawbridge_contract::{Arguments, Caller, CallerKind, Origin, RawValue, Target};

    use super::*;

    fn call(caller: &str, tool: &str, arguments: &str) -> Call {
        let caller = Arc::new(Caller::new(caller, CallerKind::Key));
        let arguments = Arguments::decode(&RawValue::from_string(arguments.to_owned()).unwrap()).unwrap();
        Call::new(caller, Target::Tool(tool.into()), arguments, Origin::default())
    }

    #[test]
    fn b8_a_state_opens_only_for_its_own_call() {
        let sealer = Sealer::new(&[7; 32]);
        let sealed = sealer
            .seal(&call("key:a", "t", r#"{"x":1,"y":2}"#), State { approved: true, ..State::default() });
        assert!(sealer.open(&call("key:a", "t", r#"{"y":2, "x":1}"#), &sealed).unwrap().approved);
        for other in [
            call("key:b", "t", r#"{"x":1,"y":2}"#),
            call("key:a", "u", r#"{"x":1,"y":2}"#),
            call("key:a", "t", r#"{"x":2,"y":2}"#),
        ] {
            assert!(matches!(sealer.open(&other, &sealed), Err(Refusal::BadState(_))));
        }
        assert!(Sealer::new(&[8; 32]).open(&call("key:a", "t", r#"{"x":1,"y":2}"#), &sealed).is_err());
    }

    proptest::proptest! {
        #[test]
        fn b8_an_altered_state_is_refused(index in 0_usize..200, flip in 1_u8..=255, junk in ".{0,80}") {
            let (sealer, call) = (Sealer::new(&[7; 32]), call("key:a", "t", "{}"));
            let mut bytes = URL_SAFE_NO_PAD.decode(sealer.seal(&call, State::default())).unwrap();
            let index = index % bytes.len();
            bytes[index] ^= flip;
            proptest::prop_assert!(sealer.open(&call, &URL_SAFE_NO_PAD.encode(bytes)).is_err());
            proptest::prop_assert!(sealer.open(&call, &junk).is_err());
        }
    }
}
