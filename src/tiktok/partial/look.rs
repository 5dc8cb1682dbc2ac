use std::ops::ControlFlow;

use http::HeaderMap;

use super::{
    items::{Found, read},
    rule::{ANY, PartialRule},
};
use crate::{body::JsonFields, extensions::PartialFailure, tiktok::codes::cut};

/// A header is kept up to so many bytes.
const MAX_REASON: usize = 256;

/// Looks for what failed in an answer whose code does not say it, or not what.
#[derive(Clone, Debug)]
pub(in crate::tiktok) struct Look {
    paths: &'static [&'static str],
    fields: JsonFields,
    found: Option<PartialFailure>,
}

impl Look {
    /// What this rule asks for. `None` where the head already tells that
    /// nothing is missing.
    pub(in crate::tiktok) fn by(rule: &PartialRule, headers: &HeaderMap) -> Option<Self> {
        let header = rule.header().and_then(|name| headers.get(name));
        if header.is_none() && rule.fields().is_empty() {
            return None;
        }
        let found = header.map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            PartialFailure::new()
                .with_reason(cut(&text, MAX_REASON))
                .with_unlisted(true)
        });
        Some(Self {
            found,
            ..Self::at(rule.fields())
        })
    }

    /// What an answer may say whose code tells that a part failed.
    pub(in crate::tiktok) fn anywhere() -> Self {
        Self::at(ANY)
    }

    fn at(paths: &'static [&'static str]) -> Self {
        Self {
            paths,
            fields: JsonFields::new(paths),
            found: None,
        }
    }

    pub(in crate::tiktok) fn push(&mut self, piece: &[u8]) -> ControlFlow<()> {
        if self.paths.is_empty() {
            return ControlFlow::Break(());
        }
        let (paths, found) = (self.paths, &mut self.found);
        self.fields.push(piece, |path, raw| {
            let path = paths[path];
            let name = path.rsplit('.').next().unwrap_or(path);
            if let Some(more) = read(name, raw) {
                add(found.get_or_insert_default(), name, more);
            }
            ControlFlow::Continue(())
        })
    }

    /// What was found to have failed.
    pub(in crate::tiktok) fn found(&self) -> Option<PartialFailure> {
        // No list of failures is that long and empty.
        let is_long = self.fields.has_overrun();
        let found = match &self.found {
            None if !is_long => return None,
            found => found.clone().unwrap_or_default(),
        };
        let is_whole = !is_long && self.fields.is_complete();
        Some(if is_whole {
            found
        } else {
            found.with_unlisted(true)
        })
    }
}

fn add(failure: &mut PartialFailure, name: &str, more: Found) {
    let mut sum = std::mem::take(failure);
    for item in more.items {
        sum = sum.with_item(item);
    }
    if more.unlisted {
        sum = sum.with_unlisted(true);
    }
    if more.is_empty && sum.reason().is_none() {
        sum = sum.with_reason(format!("{name} is empty"));
    }
    *failure = sum;
}
