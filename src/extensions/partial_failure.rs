use std::fmt;

use smol_str::SmolStr;

/// Which part of a request failed, where the rest was carried out. In the
/// extensions of a response whose class is
/// [`PartialSuccess`](crate::classify::ErrorClass::PartialSuccess).
///
/// The rest must not be sent again. Whoever wants the failed part carried out
/// sends a new request with just the [`failed_ids`](Self::failed_ids), once
/// the reasons have been dealt with.
///
/// # Example
/// ```
/// use tower_tiktok::extensions::{FailedItem, PartialFailure};
///
/// let failed = PartialFailure::new()
///     .with_item(FailedItem::new("adgroup_id", "17").with_reason("It was deleted."))
///     .with_item(FailedItem::new("adgroup_id", "18"));
/// assert_eq!(failed.failed_ids().collect::<Vec<_>>(), ["17", "18"]);
/// assert!(failed.is_listed());
/// assert_eq!(failed.to_string(), "2 items failed: adgroup_id 17 (It was deleted.), adgroup_id 18");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartialFailure {
    items: Vec<FailedItem>,
    unlisted: bool,
    reason: Option<SmolStr>,
}

/// One item that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailedItem {
    field: SmolStr,
    id: Option<SmolStr>,
    reason: Option<SmolStr>,
}

// ===== impl PartialFailure =====

impl PartialFailure {
    /// A failure of which nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an item that failed.
    #[must_use]
    pub fn with_item(mut self, item: FailedItem) -> Self {
        self.items.push(item);
        self
    }

    /// Says that more failed than is listed here. The default is `false`.
    #[must_use]
    pub fn with_unlisted(mut self, unlisted: bool) -> Self {
        self.unlisted = unlisted;
        self
    }

    /// Sets what the answer says of the whole.
    #[must_use]
    pub fn with_reason(mut self, reason: impl AsRef<str>) -> Self {
        self.reason = Some(SmolStr::new(reason));
        self
    }

    /// The items that failed, in the order of the answer.
    #[must_use]
    pub fn items(&self) -> &[FailedItem] {
        &self.items
    }

    /// The ids of the items that failed, as far as they have one.
    pub fn failed_ids(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(FailedItem::id)
    }

    /// Whether all that failed is listed, each with an id: whoever sends just
    /// these again misses nothing.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        !self.unlisted && !self.items.is_empty() && self.items.iter().all(|item| item.id.is_some())
    }

    /// What the answer says of the whole, if it does.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

impl fmt::Display for PartialFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// So many are worth a line of a log.
        const SHOWN: usize = 3;

        match (self.items.len(), self.unlisted) {
            (0, _) => f.write_str("a part failed")?,
            (1, false) => f.write_str("1 item failed")?,
            (count, false) => write!(f, "{count} items failed")?,
            (count, true) => write!(f, "{count} items and more failed")?,
        }
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        for (number, item) in self.items.iter().take(SHOWN).enumerate() {
            let sign = if number == 0 { ": " } else { ", " };
            write!(f, "{sign}{item}")?;
        }
        if self.items.len() > SHOWN {
            f.write_str(", ..")?;
        }
        Ok(())
    }
}

// ===== impl FailedItem =====

impl FailedItem {
    /// An item that `field` names by `id`.
    #[must_use]
    pub fn new(field: impl AsRef<str>, id: impl AsRef<str>) -> Self {
        Self {
            id: Some(SmolStr::new(id)),
            ..Self::unnamed(field)
        }
    }

    /// An item without an id, listed in `field`.
    #[must_use]
    pub fn unnamed(field: impl AsRef<str>) -> Self {
        Self {
            field: SmolStr::new(field),
            id: None,
            reason: None,
        }
    }

    /// Sets why it failed.
    #[must_use]
    pub fn with_reason(mut self, reason: impl AsRef<str>) -> Self {
        self.reason = Some(SmolStr::new(reason));
        self
    }

    /// The field that names it, or else the one that lists it.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What names it, if anything does.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Why it failed, if the answer says so.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

impl fmt::Display for FailedItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.field)?;
        if let Some(id) = &self.id {
            write!(f, " {id}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        Ok(())
    }
}
