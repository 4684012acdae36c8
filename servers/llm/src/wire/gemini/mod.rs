//! Gemini (`models/…:generateContent`, `…:streamGenerateContent?alt=sse`).

pub(crate) mod decode_answer;
pub(crate) mod encode_request;
pub(crate) mod lists;

/// A model's name as a part of a path: what is neither letter, digit, `.`, `-` nor `_` is percent-encoded, so that no
/// name leads anywhere else.
pub(crate) fn path_of(model: &str, method: &str) -> String {
    let model = model.strip_prefix("models/").unwrap_or(model);
    let mut path = String::from("models/");
    for byte in model.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => path.push(char::from(byte)),
            b'.' if !matches!(model, "." | "..") => path.push('.'),
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{path}:{method}")
}

#[cfg(test)]
mod tests {
    use super::path_of;

    #[test]
    fn a_name_leads_nowhere_else() {
        assert_eq!(path_of("models/gemini-2.5-pro", "x"), "models/gemini-2.5-pro:x");
        assert_eq!(path_of("../a?b#c:d", "x"), "models/..%2Fa%3Fb%23c%3Ad:x");
        assert_eq!(path_of("..", "x"), "models/%2E%2E:x");
    }
}
