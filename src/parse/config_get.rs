//! CONFIG GET: a flat array of names and values, in an order of the server's own.

use std::sync::Arc;

use super::kept::Shared;
use crate::model::failure::ParseError;
use crate::model::reply::Reply;
use crate::model::snapshot::Settings;

/// The pairs, ascending by name; `known` are those of other nodes.
pub(super) fn settings(reply: &Reply, known: &mut Shared<Settings>) -> Result<Arc<Settings>, ParseError> {
    reply.array().ok_or_else(|| ParseError::new("an array", "CONFIG GET"))?;
    let pair = |(name, value): (&str, &Reply)| Some((name.to_owned(), value.text()?.to_owned()));
    let mut settings: Vec<_> = reply.pairs().filter_map(pair).collect();
    settings.sort();
    Ok(known.share(Settings(settings)))
}
