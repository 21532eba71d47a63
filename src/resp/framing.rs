//! Where replies end among bytes that come in pieces, without reading them twice.

use super::{MAX_DEPTH, RespError, whole_number};

/// How far a stream of replies has been looked at.
#[derive(Debug, Default)]
pub struct Framing {
    /// Up to here: the beginning of an element that is not whole yet.
    at: usize,
    /// Bytes from there that hold no end of a line: one that comes byte by byte is not searched anew for each.
    searched: usize,
    /// Elements that are still to come of each array that the reply has begun, the innermost last.
    open: Vec<u64>,
    ends: Vec<usize>,
}

impl Framing {
    /// Looks on where it stopped; `bytes` are all that came until now. Gives where each whole reply ends.
    ///
    /// # Errors
    /// Something begins that is no reply of RESP2, or has a length that is none. What lies between is not looked at.
    pub fn look(&mut self, bytes: &[u8]) -> Result<&[usize], RespError> {
        while let Some((length, elements)) = self.element(bytes.get(self.at..).unwrap_or_default())? {
            if self.open.len() == MAX_DEPTH && elements > 0 {
                return Err(RespError { what: "arrays nested too deep", at: self.at });
            }
            self.at += length;
            self.searched = 0;
            self.open.push(elements);
            while self.open.pop_if(|left| *left == 0).is_some() {
                match self.open.last_mut() {
                    Some(left) => *left -= 1,
                    None => self.ends.push(self.at),
                }
            }
        }
        Ok(&self.ends)
    }

    /// How long the first element of `rest` is, and how many elements it announces; `None` where it is not whole yet.
    fn element(&mut self, rest: &[u8]) -> Result<Option<(usize, u64)>, RespError> {
        let Some(kind) = rest.first() else { return Ok(None) };
        let at = self.at;
        let wrong = |what| RespError { what, at };
        if !b"+-:$*".contains(kind) {
            return Err(wrong("no reply begins with this byte"));
        }
        let Some(end) = memchr::memchr(b'\n', rest.get(self.searched..).unwrap_or_default()) else {
            self.searched = rest.len();
            return Ok(None);
        };
        let end = self.searched + end;
        let line = end + 1;
        if !b"$*".contains(kind) {
            return Ok(Some((line, 0)));
        }
        let number = rest.get(1..end).and_then(|text| whole_number(text.strip_suffix(b"\r")?));
        let length = match number.ok_or_else(|| wrong("not a whole number"))? {
            // Nothing, which has no bytes of its own.
            -1 => return Ok(Some((line, 0))),
            length => u64::try_from(length).map_err(|_| wrong("a length below nothing"))?,
        };
        if *kind == b'*' {
            return Ok(Some((line, length)));
        }
        let whole = line.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).saturating_add(2);
        Ok((whole <= rest.len()).then_some((whole, 0)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{print, tests::reply};
    use super::*;

    proptest! {
        #[test]
        fn replies_end_where_they_were_printed_to_end(
            replies in proptest::collection::vec(reply(), 0..6),
            pieces in proptest::collection::vec(1..40_usize, 1..8),
        ) {
            let (mut bytes, mut ends) = (Vec::new(), Vec::new());
            for reply in &replies {
                print(reply, &mut bytes);
                ends.push(bytes.len());
            }
            let mut framing = Framing::default();
            let mut came = 0;
            for piece in pieces.iter().cycle() {
                came = (came + piece).min(bytes.len());
                let whole: Vec<usize> = ends.iter().copied().filter(|end| *end <= came).collect();
                prop_assert_eq!(framing.look(&bytes[..came]), Ok(&whole[..]));
                if came == bytes.len() {
                    break;
                }
            }
        }

        #[test]
        fn what_has_no_end_yet_is_waited_for(reply in reply()) {
            let mut bytes = Vec::new();
            print(&reply, &mut bytes);
            let mut framing = Framing::default();
            prop_assert_eq!(framing.look(&bytes[..bytes.len() - 1]), Ok(&[][..]));
        }
    }

    #[test]
    fn refuses_what_is_no_reply() {
        for (bytes, at) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], 0),
            (b"+OK\r\n%1\r\n+a\r\n:1\r\n", 5),
            (b"*1\r\n_\r\n", 4),
            (b"$-2\r\n", 0),
            (b"$5\nabcde\r\n", 0),
            (b"*x\r\n", 0),
            (b"$07\r\n", 0),
        ] {
            let refused = Framing::default().look(bytes).map(<[usize]>::to_vec);
            assert_eq!(refused.map_err(|error| error.at), Err(at), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_is_announced_and_never_comes_takes_no_room() {
        let bytes = b"*9223372036854775807\r\n".repeat(MAX_DEPTH);
        assert_eq!(Framing::default().look(&bytes), Ok(&[][..]));
        let deeper = Framing::default().look(&[&bytes[..], b"*1\r\n"].concat()).map(<[usize]>::to_vec);
        assert_eq!(deeper.map_err(|error| error.what), Err("arrays nested too deep"));
        assert_eq!(Framing::default().look(b"$9223372036854775807\r\nab"), Ok(&[][..]));
    }
}
