//! The headers that prove who sends, and when: those of Standard Webhooks, and the predecessor's.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::secret::{Secret, mac};

/// One header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// Signs a body with the receiver's secret, and with the previous one while that is still good.
///
/// `webhook-id`, `webhook-timestamp` (seconds since 1970) and `webhook-signature` are those of Standard Webhooks: the
/// signature is over id, time and body, so an old one cannot be sent again; it has one entry for each secret.
/// `x-webhook-signature-256` is what the predecessor sent: HMAC-SHA256 of the body alone, in hex, with the secret's text as
/// key; while a previous secret is good, its own stands in `x-webhook-signature-256-previous`.
pub fn signatures(
    id: &str,
    timestamp_s: i64,
    body: &str,
    secret: &Secret,
    previous: Option<&Secret>,
) -> Vec<Signature> {
    let signed = format!("{id}.{timestamp_s}.{body}");
    let standard = |secret: &Secret| format!("v1,{}", STANDARD.encode(mac(&secret.key(), signed.as_bytes())));
    let old = |secret: &Secret| hex(&mac(secret.reveal().as_bytes(), body.as_bytes()));
    let all: Vec<String> = [Some(secret), previous].into_iter().flatten().map(standard).collect();
    let mut headers = vec![
        Signature { name: "webhook-id", value: id.to_owned() },
        Signature { name: "webhook-timestamp", value: timestamp_s.to_string() },
        Signature { name: "webhook-signature", value: all.join(" ") },
        Signature { name: "x-webhook-signature-256", value: old(secret) },
    ];
    if let Some(previous) = previous {
        headers.push(Signature { name: "x-webhook-signature-256-previous", value: old(previous) });
    }
    headers
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's reference libraries.
    #[test]
    fn the_published_example_is_signed_alike() {
        let secret = Secret::of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let headers = signatures(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            &secret,
            None,
        );
        assert_eq!(headers[2].value, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(headers.len(), 4);
    }

    #[test]
    fn both_secrets_sign_while_both_are_good() {
        let (new, old) = (Secret::random(), Secret::random());
        let headers = signatures("m", 1, "{}", &new, Some(&old));
        let alone = |secret| signatures("m", 1, "{}", secret, None);
        let both = format!("{} {}", alone(&new)[2].value, alone(&old)[2].value);
        assert_eq!(headers[2].value, both);
        assert_eq!(headers[3], alone(&new)[3]);
        assert_eq!(headers[4].value, alone(&old)[3].value);
    }
}
