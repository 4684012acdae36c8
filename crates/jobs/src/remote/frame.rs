//! Where one message ends and the next begins: four bytes of length, the greatest first, then as many bytes of JSON.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::FRAME_BYTES_MAX;

/// A message as it goes through the pipe, without its length.
///
/// # Errors
/// When it is larger than [`FRAME_BYTES_MAX`]; `Err` has its size in bytes.
pub(super) fn encode(message: &impl Serialize) -> Result<Vec<u8>, usize> {
    let bytes = drawbridge_contract::raw(message).get().as_bytes().to_vec();
    if bytes.len() > FRAME_BYTES_MAX { Err(bytes.len()) } else { Ok(bytes) }
}

/// Writes one message. Nothing is flushed.
pub(super) async fn write(pipe: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| too_large(bytes.len()))?;
    pipe.write_all(&length.to_be_bytes()).await?;
    pipe.write_all(bytes).await
}

/// Reads the next message; `None` at the end of the pipe.
///
/// # Errors
/// Whatever the pipe says; a message that is too large, is cut off, or makes no sense.
pub(super) async fn read<T: DeserializeOwned>(pipe: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match pipe.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > FRAME_BYTES_MAX {
        return Err(too_large(length));
    }
    // Not all at once: who only says that much is to come costs no memory.
    let mut bytes = Vec::new();
    let read = pipe.take(length as u64).read_to_end(&mut bytes).await?;
    if read < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn too_large(bytes: usize) -> io::Error {
    let why = format!("a message of {bytes} bytes, at most {FRAME_BYTES_MAX} are allowed");
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_back(bytes: &[u8]) -> io::Result<Option<String>> {
        read(&mut &*bytes).await
    }

    #[tokio::test]
    async fn messages_are_read_as_they_were_written() {
        let mut pipe = Vec::new();
        for text in ["", "one", "a\n\0b"] {
            write(&mut pipe, &encode(&text).unwrap()).await.unwrap();
        }
        let mut rest = &*pipe;
        for text in ["", "one", "a\n\0b"] {
            assert_eq!(read::<String>(&mut rest).await.unwrap().as_deref(), Some(text));
        }
        assert_eq!(read::<String>(&mut rest).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_too_large_cut_off_or_nonsense_is_refused() {
        assert!(read_back(&[0, 0, 0, 5, b'"', b'a']).await.is_err(), "cut off");
        assert!(read_back(&[0, 0, 0, 1, b'{']).await.is_err(), "nonsense");
        assert_eq!(read_back(&[0, 0]).await.unwrap(), None, "an end in a length says nothing");
        let beyond = u32::try_from(FRAME_BYTES_MAX + 1).unwrap().to_be_bytes();
        assert!(read_back(&beyond).await.unwrap_err().to_string().contains("at most"));
        let at_bound = "x".repeat(FRAME_BYTES_MAX - 2);
        assert_eq!(encode(&at_bound).unwrap().len(), FRAME_BYTES_MAX);
        assert_eq!(encode(&(at_bound + "x")), Err(FRAME_BYTES_MAX + 1));
    }
}
