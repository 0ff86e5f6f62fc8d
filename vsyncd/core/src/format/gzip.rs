//! Gzip of small documents that hold secrets.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use zeroize::Zeroizing;

/// Why something could not be decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GunzipError {
    /// Not gzip, cut short, a wrong checksum, or bytes after the end.
    Corrupt,
    /// Longer than allowed when decompressed.
    TooLarge,
}

/// Decompresses one gzip member of at most `limit` bytes. The result and every buffer on the way
/// are wiped when dropped.
pub(super) fn inflate(bytes: &[u8], limit: usize) -> Result<Zeroizing<Vec<u8>>, GunzipError> {
    let mut decoder = GzDecoder::new(bytes);
    let mut out = Zeroizing::new(Vec::with_capacity(4096));
    let mut chunk = Zeroizing::new([0; 4096]);
    loop {
        let read = decoder.read(chunk.as_mut_slice()).map_err(|_| GunzipError::Corrupt)?;
        if read == 0 {
            break;
        }
        if out.len() + read > limit {
            return Err(GunzipError::TooLarge);
        }
        if out.len() + read > out.capacity() {
            let mut wider = Zeroizing::new(Vec::with_capacity(2 * out.capacity()));
            wider.extend_from_slice(&out);
            out = wider;
        }
        out.extend_from_slice(&chunk[..read]);
    }
    if decoder.into_inner().is_empty() { Ok(out) } else { Err(GunzipError::Corrupt) }
}

/// Compresses, the same bytes each time: no file name and no time in the header.
pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2 + 64), Compression::default());
    // Writing into memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_to_the_byte() {
        let text = vec![7; 10_000];
        let packed = deflate(&text);
        assert_eq!(inflate(&packed, 10_000).unwrap().as_slice(), text);
        assert_eq!(inflate(&packed, 9_999).unwrap_err(), GunzipError::TooLarge);
    }

    #[test]
    fn cut_or_lengthened_input_is_corrupt() {
        let packed = deflate(b"hello");
        for cut in 0..packed.len() {
            assert_eq!(inflate(&packed[..cut], 100).unwrap_err(), GunzipError::Corrupt, "{cut}");
        }
        let longer = [packed.as_slice(), b"x"].concat();
        assert_eq!(inflate(&longer, 100).unwrap_err(), GunzipError::Corrupt);
    }
}
