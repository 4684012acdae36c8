//! Random bytes from the operating system, and the short codes that people type.

use rand::{TryRng, rngs::SysRng};

use crate::StoreError;

/// Digits and letters that cannot be mistaken for each other (Crockford's base 32): no `i`, `l`, `o`, `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Random bytes, fit for keys.
pub(crate) fn bytes<const LEN: usize>() -> Result<[u8; LEN], StoreError> {
    let mut bytes = [0; LEN];
    SysRng.try_fill_bytes(&mut bytes).map_err(|_| StoreError::NoRandomness)?;
    Ok(bytes)
}

/// A random code of `LEN` letters and digits, 5 bits each.
pub(crate) fn code<const LEN: usize>() -> Result<String, StoreError> {
    let letters = bytes::<LEN>()?.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Ok(letters.iter().collect())
}

/// What somebody typed, as [`code`] writes it: capitals, hyphens, spaces and look-alike letters do not matter.
pub(crate) fn read_code(typed: &str) -> String {
    typed
        .chars()
        .filter(|letter| !matches!(letter, '-' | ' '))
        .map(|letter| match letter.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_survives_being_typed_by_a_person() {
        assert_eq!(read_code("K7M2-9X4T O1"), read_code("k7m29x4t0l"));
        let code = code::<10>().unwrap();
        assert_eq!(read_code(&format!("{}-{}", &code[..5], &code[5..]).to_uppercase()), code);
    }

    #[test]
    fn two_codes_differ() {
        assert_ne!(code::<10>().unwrap(), code::<10>().unwrap());
    }
}
