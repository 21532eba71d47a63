//! Gzip (RFC 1952) of whole bodies, taken in piece by piece.

use std::cell::RefCell;

use bytes::Bytes;
use flate2::{Compress, CompressError, Compression, Crc, FlushCompress, Status};

/// No name, no time, by the fastest method, on Unix.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 3];

/// The text of metrics shrinks to a seventh. What does not fit takes more room.
const SHARE: usize = 6;

/// Bytes for the head, the tail, and a body that is as good as empty.
const LEAST: usize = 64;

thread_local! {
    /// Kept from body to body: it takes a third of a megabyte, which otherwise came and went with each.
    static DEFLATE: RefCell<Compress> =
        // Level 1: on this text the higher levels win a few percent of size for several times the work.
        RefCell::new(Compress::new(Compression::new(1), false));
}

/// The body, packed.
///
/// # Errors
/// The encoder is not in order.
pub fn gzip(plain: &[u8]) -> Result<Bytes, CompressError> {
    pack(Vec::with_capacity(plain.len() / SHARE + LEAST), |packer| packer.push(plain))
}

/// What `write` pushes, packed, in this room.
///
/// # Errors
/// The encoder is not in order.
pub fn pack(room: Vec<u8>, write: impl FnOnce(&mut Packer<'_>)) -> Result<Bytes, CompressError> {
    DEFLATE.with_borrow_mut(|deflate| {
        // What an error left behind goes with it.
        deflate.reset();
        let mut packer = Packer { deflate, packed: room, crc: Crc::new(), result: Ok(()) };
        packer.packed.clear();
        packer.packed.extend(HEAD);
        write(&mut packer);
        packer.end()
    })
}

/// A body that is being packed.
#[derive(Debug)]
pub struct Packer<'d> {
    deflate: &'d mut Compress,
    packed: Vec<u8>,
    crc: Crc,
    /// After the first error, nothing is packed any more.
    result: Result<(), CompressError>,
}

impl Packer<'_> {
    /// Its next piece.
    pub fn push(&mut self, plain: &[u8]) {
        self.crc.update(plain);
        self.result = self.result.clone().and_then(|()| self.deflate(plain, FlushCompress::None));
    }

    fn end(mut self) -> Result<Bytes, CompressError> {
        self.result.clone()?;
        self.deflate(&[], FlushCompress::Finish)?;
        self.packed.extend(self.crc.sum().to_le_bytes());
        self.packed.extend(self.crc.amount().to_le_bytes());
        Ok(self.packed.into())
    }

    fn deflate(&mut self, mut rest: &[u8], flush: FlushCompress) -> Result<(), CompressError> {
        let is_last = matches!(flush, FlushCompress::Finish);
        loop {
            let before = self.deflate.total_in();
            let status = self.deflate.compress_vec(rest, &mut self.packed, flush)?;
            rest = rest.get((self.deflate.total_in() - before) as usize..).unwrap_or_default();
            if status == Status::StreamEnd || (rest.is_empty() && !is_last) {
                return Ok(());
            }
            self.packed.reserve(self.packed.capacity().max(LEAST));
        }
    }
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
            let in_pieces = |size| {
                let push = |packer: &mut Packer<'_>| plain.chunks(size).for_each(|piece| packer.push(piece));
                pack(Vec::from("what was there before"), push)
            };
            for packed in [gzip(plain), in_pieces(7), in_pieces(16 << 10), in_pieces(1 << 20)] {
                let (packed, mut unpacked) = (packed.unwrap(), Vec::new());
                // Checks length and sum too.
                GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
                assert_eq!(unpacked, plain);
            }
        }
    }
}
