//! Gzip (RFC 1952) of whole bodies.

use std::cell::RefCell;
use std::io::{Result, Write};

use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// No name, no time, by the fastest method, on Unix.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 3];

thread_local! {
    /// Kept from body to body: it takes a third of a megabyte, which otherwise came and went with each.
    static ENCODER: RefCell<DeflateEncoder<Vec<u8>>> =
        // Level 1: on this text the higher levels win a few percent of size for several times the work.
        RefCell::new(DeflateEncoder::new(Vec::new(), Compression::new(1)));
}

/// The body, packed.
///
/// # Errors
/// None that writing to memory has; the encoder could refuse.
pub fn gzip(plain: &[u8]) -> Result<Bytes> {
    let mut packed = Vec::with_capacity(plain.len() / 8);
    packed.extend(HEAD);
    let mut packed = ENCODER.with_borrow_mut(|encoder| {
        // What an error left behind goes with the old vector.
        drop(encoder.reset(packed)?);
        encoder.write_all(plain)?;
        encoder.reset(Vec::new())
    })?;
    let mut crc = Crc::new();
    crc.update(plain);
    packed.extend(crc.sum().to_le_bytes());
    packed.extend(crc.amount().to_le_bytes());
    Ok(packed.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_was_packed_is_unpacked_time_after_time() {
        let long: Vec<u8> = (0..300_000u32).flat_map(|number| (number / 7).to_le_bytes()).collect();
        for plain in [&b"some text, some text\n"[..], b"", &long, b"again"] {
            let packed = gzip(plain).unwrap();
            let mut unpacked = Vec::new();
            // Checks length and sum too.
            GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
            assert_eq!(unpacked, plain);
        }
    }
}
