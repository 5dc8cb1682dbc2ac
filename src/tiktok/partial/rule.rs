/// How an endpoint says that a part failed, under the code of a success. See
/// the [module docs](super).
///
/// A field that lists failures tells of one when it is a list or a map that is
/// not empty. A field with an id tells of one when it is an empty string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialRule {
    endpoint: &'static str,
    fields: &'static [&'static str],
    header: Option<&'static str>,
}

/// Every endpoint whose page tells of partial failures.
#[rustfmt::skip] // One row, one endpoint.
static RULES: [PartialRule; 9] = [
    // "A list of errors and the corresponding failed ad groups."
    PartialRule::new("/adgroup/status/update/", &["data.error_list"]),
    // A map from the account's id to the reason.
    PartialRule::new("/bc/advertiser/disable/", &["data.failed_infos"]),
    // "If errors occur, task ID will not be generated, and the value of this field will be an empty string."
    PartialRule::new("/campaign/copy/task/create/", &["data.adgroup_error_list", "data.task_id"]),
    PartialRule::new("/creative/asset/delete/", &["data.failed_video_ids", "data.failed_image_ids"]),
    // A map from the account's id to the reason.
    PartialRule::new("/creative/asset/share/", &["data.failed_infos"]),
    // "Number of ad ids is equal or more than 20k, only return the top 20k id's results, .."
    PartialRule::new("/report/integrated/get/", &[]).with_header("x-tt-ads-throttle"),
    PartialRule::new("/rf/order/cancel/", &["data.fail_adgroup_ids"]),
    PartialRule::new("/tto/tcm/campaign/create/", &["data.failed_handle_names"]),
    PartialRule::new("/tto/tcm/campaign/update/", &["data.failed_handle_names"]),
];

/// Where a failed part may be listed, whatever the endpoint.
pub(super) const ANY: &[&str] = &[
    "data.error_list",
    "data.adgroup_error_list",
    "data.ad_error_list",
    "data.failed_infos",
    "data.failed_list",
];

impl PartialRule {
    /// The rule of the endpoint with this path as a template, such as
    /// `/adgroup/status/update/`. The fields are `"a"` at the top of the
    /// answer, or `"data.a"` one level down.
    #[must_use]
    pub const fn new(endpoint: &'static str, fields: &'static [&'static str]) -> Self {
        Self {
            endpoint,
            fields,
            header: None,
        }
    }

    /// Names a header that is there only when something was left out. Its
    /// name is in lower case.
    #[must_use]
    pub const fn with_header(mut self, name: &'static str) -> Self {
        self.header = Some(name);
        self
    }

    /// The rules for TikTok's endpoints.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &RULES
    }

    /// The path of the endpoint, as a template.
    #[must_use]
    pub const fn endpoint(&self) -> &'static str {
        self.endpoint
    }

    /// The fields that tell of a failure.
    #[must_use]
    pub const fn fields(&self) -> &'static [&'static str] {
        self.fields
    }

    /// The header that tells of one.
    #[must_use]
    pub const fn header(&self) -> Option<&'static str> {
        self.header
    }
}
