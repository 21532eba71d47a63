//! Values of the configuration that carry a unit, or that may arrive as text because they come from the environment.
//! The functions that take a deserializer are for `#[serde(deserialize_with = "…")]`.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

const DURATION_UNITS: [(&str, f64); 7] = [
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86400.0),
    ("w", 604_800.0),
    ("y", 31_536_000.0),
];

const BYTE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// What a text was read as in vain. It prints the text and what was wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a duration.
    #[error("{0:?} is not a duration: wanted numbers with units, such as 500ms, 5s or 1m30s")]
    Duration(String),
    /// Not a number of bytes.
    #[error("{0:?} is not a number of bytes: wanted a number, or one with a unit, such as 10MB or 512MiB")]
    Bytes(String),
    /// Not a whole number.
    #[error("{0:?} is not a whole number from 0 to {max}", max = u32::MAX)]
    Count(String),
    /// Neither a number nor a name that ends in one.
    #[error("{0:?} is neither a number from 0 nor the name of a pod, which ends in one: exporter-3")]
    Ordinal(String),
    /// Not a number of seconds.
    #[error("{0:?} is not a number of seconds: wanted a number, or a duration such as 5s or 15m")]
    Seconds(String),
    /// Not a finite number of at least zero.
    #[error("{0:?} is not a number of at least 0")]
    Number(String),
    /// Not a switch.
    #[error("{0:?} is neither true nor false")]
    Switch(String),
    /// A number or a truth value stands where a text was wanted; what was written may be lost already
    /// (`0123` arrives as 123). The value is not repeated: it may be a secret.
    #[error("wanted text and found {0}: quote it")]
    NotText(&'static str),
}

/// Reads a duration in the style of Prometheus: `5s`, `1m30s`, `500ms`, each unit at most once, the largest first.
///
/// # Errors
/// The text is no such duration.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let bad = || UnitError::Duration(text.to_owned());
    let (mut rest, mut seconds, mut last) = (text, 0.0, f64::INFINITY);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let scale = DURATION_UNITS.iter().find(|row| row.0 == unit).ok_or_else(bad)?.1;
        if scale >= last {
            return Err(bad());
        }
        seconds += number.parse::<u32>().map_err(|_| bad())? as f64 * scale;
        (last, rest) = (scale, tail);
    }
    if text.is_empty() {
        return Err(bad());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Reads a number of bytes: `1000`, `10MB` (powers of 1000), `512MiB` (powers of 1024); the case of the unit does not
/// matter.
///
/// # Errors
/// The text is no number of bytes, or more than fit 64 bits.
pub fn parse_bytes(text: &str) -> Result<u64, UnitError> {
    let bad = || UnitError::Bytes(text.to_owned());
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = if unit.is_empty() { "B" } else { unit.trim_start() };
    let scale = BYTE_UNITS.iter().find(|row| row.0.eq_ignore_ascii_case(unit)).ok_or_else(bad)?.1;
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(scale).ok_or_else(bad);
    }
    let bytes = number.parse::<f64>().map_err(|_| bad())? * scale as f64;
    if bytes >= u64::MAX as f64 { Err(bad()) } else { Ok(bytes as u64) }
}

/// A scalar as the file or the environment gave it.
enum Scalar {
    Nothing,
    Text(String),
    Whole(u64),
    Real(f64),
    Switch(bool),
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Scalar;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("one value")
            }
            fn visit_unit<E: Error>(self) -> Result<Scalar, E> {
                Ok(Scalar::Nothing)
            }
            fn visit_none<E: Error>(self) -> Result<Scalar, E> {
                Ok(Scalar::Nothing)
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar::Switch(value))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar::Whole(value))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
                Ok(u64::try_from(value).map_or(Scalar::Real(value as f64), Scalar::Whole))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar::Real(value))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(value.to_owned()))
            }
        }
        from.deserialize_any(Any)
    }
}

impl Scalar {
    /// The text to parse, and to show where it is wrong.
    fn shown(self) -> String {
        match self {
            Self::Nothing => "null".to_owned(),
            Self::Text(text) => text,
            Self::Whole(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Switch(value) => value.to_string(),
        }
    }
}

fn scalar<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Scalar::deserialize(from).map(Scalar::shown)
}

fn absent_or<'de, D: Deserializer<'de>, T>(
    from: D,
    read: impl Fn(&str) -> Result<T, UnitError>,
) -> Result<Option<T>, D::Error> {
    match Scalar::deserialize(from)? {
        Scalar::Nothing => Ok(None),
        other => read(&other.shown()).map(Some).map_err(D::Error::custom),
    }
}

fn read_count(text: &str) -> Result<u32, UnitError> {
    text.parse().map_err(|_| UnitError::Count(text.to_owned()))
}

/// The last of what dashes part: `exporter-3` is the fourth pod of its set.
fn read_ordinal(text: &str) -> Result<u32, UnitError> {
    let number = match text.rsplit_once('-') {
        Some(("", _)) => None,
        Some((_, last)) => Some(last),
        None => Some(text),
    };
    let number = number.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    number.and_then(|digits| digits.parse().ok()).ok_or_else(|| UnitError::Ordinal(text.to_owned()))
}

fn read_number(text: &str) -> Result<f64, UnitError> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err(UnitError::Number(text.to_owned())),
    }
}

fn read_seconds(text: &str) -> Result<f64, UnitError> {
    if let Ok(number) = read_number(text) {
        return Ok(number);
    }
    parse_duration(text).map(|span| span.as_secs_f64()).map_err(|_| UnitError::Seconds(text.to_owned()))
}

fn read_switch(text: &str) -> Result<bool, UnitError> {
    text.parse().map_err(|_| UnitError::Switch(text.to_owned()))
}

/// A number of bytes, as of [`parse_bytes`].
///
/// # Errors
/// As [`parse_bytes`].
pub fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    parse_bytes(&scalar(from)?).map_err(D::Error::custom)
}

/// A number of bytes, or nothing.
///
/// # Errors
/// As [`parse_bytes`].
pub fn maybe_bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    absent_or(from, parse_bytes)
}

/// A number of seconds, as a number or a duration.
///
/// # Errors
/// It is neither.
pub fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    read_seconds(&scalar(from)?).map_err(D::Error::custom)
}

/// A finite number of at least zero: a ratio, a rate or a factor.
///
/// # Errors
/// It is none.
pub fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    read_number(&scalar(from)?).map_err(D::Error::custom)
}

/// A whole number.
///
/// # Errors
/// It is none, negative, or more than 32 bits hold.
pub fn count<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    read_count(&scalar(from)?).map_err(D::Error::custom)
}

/// A whole number, or nothing.
///
/// # Errors
/// As [`count`].
pub fn maybe_count<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    absent_or(from, read_count)
}

/// A number from 0, or the name of a pod of a StatefulSet, which ends in one; or nothing.
///
/// # Errors
/// It is neither.
pub fn maybe_ordinal<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    absent_or(from, read_ordinal)
}

/// A duration, or nothing.
///
/// # Errors
/// As [`parse_duration`].
pub fn maybe_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    absent_or(from, parse_duration)
}

/// `true` or `false`, or nothing.
///
/// # Errors
/// It is something else.
pub fn maybe_switch<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    absent_or(from, read_switch)
}

/// Text, or nothing. A number is refused, since it may have lost digits on the way (`0123`).
///
/// # Errors
/// A number or a truth value.
pub fn maybe_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let found = match Scalar::deserialize(from)? {
        Scalar::Nothing => return Ok(None),
        Scalar::Text(text) => return Ok(Some(text)),
        Scalar::Switch(_) => "true or false",
        Scalar::Whole(_) | Scalar::Real(_) => "a number",
    };
    Err(D::Error::custom(UnitError::NotText(found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_in_the_style_of_prometheus() {
        for (text, millis) in [
            ("5s", 5_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("1h", 3_600_000),
            ("0s", 0),
            ("1d2h", 93_600_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "s", "5x", "-5s", "5s5s", "30s1m", "1.5s", "5 s", "5sm", "99999999999s"] {
            assert_eq!(parse_duration(text), Err(UnitError::Duration(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn bytes_tell_powers_of_1000_from_powers_of_1024() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("10MB", 10_000_000),
            ("10mb", 10_000_000),
            ("512MiB", 512 << 20),
            ("1.5GiB", 3 << 29),
            ("7 B", 7),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "-1", "1XB", "1.2.3MB", "10 MB x", "99999999999TB"] {
            assert_eq!(parse_bytes(text), Err(UnitError::Bytes(text.to_owned())), "{text}");
        }
    }
}
