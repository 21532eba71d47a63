//! Whether a frame of HTTP/2, or a head that takes several, has begun and not ended: told from the bytes as they come.
//! What the frames say is hyper's affair.

/// With what a client begins, before all frames.
const PREFACE: usize = 24;

/// Bytes before what a frame carries: length, kind, flags, stream.
const HEAD: usize = 9;

/// Kinds of frames that carry a head.
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;

/// A flag of these: it is the last one of its head.
const END_HEADERS: u8 = 4;

/// The frames of one client, so far.
pub(super) struct Frames {
    /// Of the next frame.
    head: [u8; HEAD],
    /// How much of that there is.
    have: usize,
    /// What is still to come of the present frame.
    rest: usize,
    /// The head of a request goes on in the next frame.
    goes_on: bool,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self { head: [0; HEAD], have: 0, rest: PREFACE, goes_on: false }
    }

    /// These bytes came. Whether a frame ended with one of them, and no head goes on.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> bool {
        let mut ended = false;
        while !bytes.is_empty() {
            if self.rest == 0 {
                bytes = self.begin(bytes);
            }
            let (_, left) = bytes.split_at(self.rest.min(bytes.len()));
            self.rest -= bytes.len() - left.len();
            bytes = left;
            ended |= !self.is_open();
        }
        ended
    }

    /// Whether something has begun and not ended.
    pub(super) fn is_open(&self) -> bool {
        self.have > 0 || self.rest > 0 || self.goes_on
    }

    /// Takes what is wanted of the next frame's head, and leaves the rest.
    fn begin<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (taken, left) = bytes.split_at((HEAD - self.have).min(bytes.len()));
        for byte in taken {
            self.head[self.have] = *byte;
            self.have += 1;
        }
        if self.have == HEAD {
            self.have = 0;
            let [high, middle, low, kind, flags, ..] = self.head;
            self.rest = u32::from_be_bytes([0, high, middle, low]) as usize;
            if [HEADERS, CONTINUATION].contains(&kind) {
                self.goes_on = flags & END_HEADERS == 0;
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        frame.resize(HEAD + usize::from(length), 0xff);
        frame
    }

    /// After each byte of a frame it is open, but for the last; cut anywhere it is the same.
    #[test]
    fn it_ends_with_its_last_byte_however_it_is_cut() {
        for (kind, flags, length) in [(4, 0, 0), (6, 0, 8), (HEADERS, END_HEADERS, 70), (0, 1, 255)] {
            let all = [vec![b'x'; PREFACE], frame(kind, flags, length), frame(6, 0, 8)].concat();
            let ends = [PREFACE, PREFACE + HEAD + usize::from(length), all.len()];
            for cut in 1..all.len() {
                let mut frames = Frames::new();
                let (before, after) = all.split_at(cut);
                assert_eq!(frames.read(before), cut >= ends[0], "{kind} {cut}");
                assert_eq!(frames.is_open(), !ends.contains(&cut), "{kind} {cut}");
                assert!(frames.read(after));
                assert!(!frames.is_open());
            }
        }
    }

    /// A head ends with the frame that says so; other kinds have flags of other meanings.
    #[test]
    fn a_head_may_take_several_frames() {
        let mut frames = Frames::new();
        assert!(frames.read(&[0; PREFACE]));
        for (kind, flags, ended) in [
            (HEADERS, END_HEADERS, true),
            (HEADERS, 1, false),
            (CONTINUATION, 0, false),
            (CONTINUATION, END_HEADERS, true),
            (3, 0, true),
        ] {
            assert_eq!((frames.read(&frame(kind, flags, 5)), frames.is_open()), (ended, !ended), "{kind}");
        }
    }
}
