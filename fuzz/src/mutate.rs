//! Changes to RESP that leave it RESP: bytes changed at random are seldom a reply any more.

use redis_cluster_exporter::model::reply::Reply;
use redis_cluster_exporter::resp;

/// Changes bytes at random: the buffer, how much of it is used, how much may be. Returns how much is.
pub type Bytes = fn(&mut [u8], usize, usize) -> usize;

/// Numbers at which something may turn.
const NUMBERS: [i64; 12] =
    [0, 1, -1, 2, 5, 1000, 16383, 16384, u32::MAX as i64, i64::MAX, i64::MIN, 1_760_000_000];

/// Changes the RESP in the first `size` bytes of `data`, of which `most` may be used; returns its new size. What is no
/// RESP is changed as any bytes are.
pub fn resp(data: &mut [u8], size: usize, most: usize, seed: u32, bytes: Bytes) -> usize {
    let mut dice = Dice(u64::from(seed) << 1 | 1);
    let Ok(mut reply) = resp::parse(&data[..size]) else { return bytes(data, size, most) };
    for _ in 0..=dice.below(3) {
        let leaves = count(&reply);
        let other = nth(&mut reply, &mut dice.below(leaves)).clone();
        change(nth(&mut reply, &mut dice.below(leaves)), &other, &mut dice, bytes);
    }
    let mut out = Vec::new();
    resp::print(&reply, &mut out);
    if out.len() > most || resp::parse(&out).is_err() {
        return bytes(data, size, most);
    }
    data[..out.len()].copy_from_slice(&out);
    out.len()
}

fn change(reply: &mut Reply, other: &Reply, dice: &mut Dice, bytes: Bytes) {
    match dice.below(10) {
        0 => *reply = other.clone(),
        1 => *reply = Reply::Nil,
        2 => *reply = Reply::error("ERR unknown command"),
        3 => *reply = Reply::Int(NUMBERS[dice.below(NUMBERS.len())]),
        _ => match reply {
            Reply::Bulk(text) => *text = changed(text, bytes),
            Reply::Status(text) => *reply = Reply::Bulk(changed(text.as_bytes(), bytes)),
            Reply::Int(number) => *number = number.wrapping_add(NUMBERS[dice.below(NUMBERS.len())]),
            Reply::Array(items) => rearrange(items, other, dice),
            Reply::Error { .. } | Reply::Nil => *reply = other.clone(),
        },
    }
}

fn changed(text: &[u8], bytes: Bytes) -> Vec<u8> {
    let mut buffer = text.to_vec();
    buffer.resize(text.len() + 64, 0);
    let most = buffer.len();
    let size = bytes(&mut buffer, text.len(), most);
    buffer.truncate(size);
    buffer
}

fn rearrange(items: &mut Vec<Reply>, other: &Reply, dice: &mut Dice) {
    let at = dice.below(items.len() + 1);
    match dice.below(4) {
        0 => items.insert(at, other.clone()),
        _ if items.is_empty() => {}
        1 => drop(items.remove(at.min(items.len() - 1))),
        2 => items.truncate(at),
        _ => {
            let with = dice.below(items.len());
            items.swap(at.min(with), with);
        }
    }
}

/// How many replies there are in one, itself among them.
fn count(reply: &Reply) -> usize {
    1 + reply.array().unwrap_or_default().iter().map(count).sum::<usize>()
}

/// The reply at a place in the order of the text.
fn nth<'a>(reply: &'a mut Reply, place: &mut usize) -> &'a mut Reply {
    if *place == 0 || !matches!(reply, Reply::Array(_)) {
        return reply;
    }
    *place -= 1;
    let Reply::Array(items) = reply else { unreachable!("looked at above") };
    for item in items {
        let within = count(item);
        if *place < within {
            return nth(item, place);
        }
        *place -= within;
    }
    unreachable!("a place beyond the last")
}

/// Numbers that look random, the same for the same seed.
struct Dice(u64);

impl Dice {
    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }
}
