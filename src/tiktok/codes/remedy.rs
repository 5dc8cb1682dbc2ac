//! What a person can do about it, one sentence each.

pub(in crate::tiktok) const ACCOUNT: &str =
    "Check the advertiser id: it is mistyped, deleted, or not one that this token was granted.";
pub(in crate::tiktok) const AD_LIMIT: &str = "Delete ads that are no longer needed, or use another ad group: the largest number of ads is reached.";
pub(in crate::tiktok) const AGE: &str = "Exclude ages 13 to 17, or leave out the targeting options that are not allowed for them in the US.";
pub(in crate::tiktok) const ALLOWLIST: &str = "Ask your TikTok representative to allow this app or advertiser to use the feature; it may not be offered in this country.";
pub(in crate::tiktok) const APP_BLOCKED: &str = "Check the app's state, id and secret in the developer portal, and authorise the app again so that the token belongs to it.";
pub(in crate::tiktok) const APP_SECRET: &str = "Check that the app id, the secret, the signature and the authorisation code all belong to the same app.";
pub(in crate::tiktok) const AUTHORISE: &str =
    "Send the advertiser or user through the authorisation page again; a refresh cannot cure this.";
pub(in crate::tiktok) const AUTH_CODE: &str = "Send the user through the authorisation page again: the code works once, and for a short time only.";
pub(in crate::tiktok) const BIZ_AUTH: &str = "Use a token of the kind that this endpoint's page asks for: advertiser, business account or creator.";
pub(in crate::tiktok) const BLOCKED_MESSAGE: &str =
    "Do not send this message again: the recipient's settings or the messaging rules forbid it.";
pub(in crate::tiktok) const CALCULATE_TYPE: &str =
    "Use a calculate_type that the endpoint's page lists.";
pub(in crate::tiktok) const COMPANY: &str = "Use an app whose developer belongs to the advertiser's company, or have the developer account's company corrected.";
pub(in crate::tiktok) const COUNTRY: &str =
    "Send the call from a host whose IP address is in a country that the API serves.";
pub(in crate::tiktok) const CREATOR: &str =
    "Use a creator who has joined the Creator Marketplace in a country that it covers.";
pub(in crate::tiktok) const DEVELOPER: &str =
    "Complete the developer profile in the developer portal and wait for its approval.";
pub(in crate::tiktok) const DOCS_SUCCESS: &str = "Look at the object before you trust this answer: two examples of the documentation print the code for a success, and nothing else explains it.";
pub(in crate::tiktok) const DUPLICATE_REQUEST: &str = "Read the object back: an equal request came a moment ago; use a new request_id only if you want a second object.";
pub(in crate::tiktok) const EXISTS: &str =
    "Use the object that exists, or give the new one other content.";
pub(in crate::tiktok) const FETCH: &str = "Check that the file's URL can be opened from anywhere and answers fast, or upload the file itself; before you repeat it, read back whether it is there.";
pub(in crate::tiktok) const FIELDS: &str =
    "Remove the fields that the message names: they are no longer offered.";
pub(in crate::tiktok) const FILE: &str =
    "Correct the file: the endpoint's page lists the allowed formats, sizes and lengths.";
pub(in crate::tiktok) const FILE_GONE: &str = "Upload the file again and use its new id.";
pub(in crate::tiktok) const GARM: &str =
    "Have the brand safety partner's authorisation renewed for this advertiser in the ads manager.";
pub(in crate::tiktok) const GATEWAY: &str = "Nothing is wrong with the request: the gateway failed, so read again in about five minutes, and check a write before you repeat it.";
pub(in crate::tiktok) const GRANT_TYPE: &str = "Correct the grant type and the scope: the token endpoint's page lists the values that it takes.";
pub(in crate::tiktok) const HASH: &str = "Hash emails, phone numbers and external ids with SHA-256, in lower case, before you send them.";
pub(in crate::tiktok) const HTTP_AUTH: &str = "Check the Access-Token header and the token in it; refresh the token or authorise the app again.";
pub(in crate::tiktok) const IMAGE_URL: &str = "Correct the image's URL: it cannot be opened.";
pub(in crate::tiktok) const IP_ALLOWLIST: &str = "Add the IP address of this host to the app's allowlist, or send the call from a host that is on it.";
pub(in crate::tiktok) const MAINTENANCE: &str = "Wait for half an hour to a few hours: the service is in maintenance; check a write before you repeat it.";
pub(in crate::tiktok) const MAYBE_SLOW: &str = "Send fewer requests, and read a write back before you repeat it: the code does not say that it was turned away.";
pub(in crate::tiktok) const METHOD: &str =
    "Ask for access to this method in the developer portal; the app may not use it.";
pub(in crate::tiktok) const MULTIPART: &str = "Send the file as multipart/form-data.";
pub(in crate::tiktok) const NAME: &str = "Choose another name for the material, or use the one that has it; file/name/check tells which names are free.";
pub(in crate::tiktok) const NEW_TOKEN: &str = "Authorise the app again and use the new token: this one is wrong, was revoked, or belongs to another user.";
pub(in crate::tiktok) const NOT_FOUND: &str = "Check the ids and the path: the object, the file or the URL does not exist, or does so no longer.";
pub(in crate::tiktok) const NO_ENDPOINT: &str =
    "Check host, version, path and method against the documentation; every path ends in a slash.";
pub(in crate::tiktok) const NO_UPDATE: &str =
    "Compare the object with the request: it may have these values already.";
pub(in crate::tiktok) const OFFLINE: &str =
    "Move to the endpoint that replaces this one: it was switched off.";
pub(in crate::tiktok) const NO_CODE: &str =
    "Look at the body yourself: the answer has no code, so nobody knows whether it worked.";
pub(in crate::tiktok) const PARAMS: &str =
    "Correct the parameter that the message names; the same request will be refused again.";
pub(in crate::tiktok) const PARAMS_UNSAID: &str =
    "Compare the request with the endpoint's page; the same request will be refused again.";
pub(in crate::tiktok) const PARTIAL: &str =
    "Find the failed items in the answer's data, and send only those again.";
pub(in crate::tiktok) const PARTNER: &str = "Use a partner name that the endpoint's page lists.";
pub(in crate::tiktok) const PASSWORD: &str = "Correct the password: it was refused.";
pub(in crate::tiktok) const PERMISSION: &str = "Add the missing permission or scope to the app and authorise it again, or have the owner grant you access to the object.";
pub(in crate::tiktok) const POLL: &str =
    "Ask again later, less and less often: the task is still running.";
pub(in crate::tiktok) const PROCESSING: &str =
    "Wait until the audience has been updated, then send the request again.";
pub(in crate::tiktok) const PROCESSING_FAILED: &str =
    "Upload or start it again with corrected input: the processing failed and will not finish.";
pub(in crate::tiktok) const REDIRECT: &str =
    "Correct the address: the API does not redirect, so a proxy or a wrong host answered.";
pub(in crate::tiktok) const REFRESH: &str =
    "Refresh the access token, which has expired, then send the request again.";
pub(in crate::tiktok) const REFRESH_TOKEN: &str = "Use the newest refresh token of this user; a long-term token of the Marketing API cannot be refreshed and needs none.";
pub(in crate::tiktok) const SANDBOX: &str =
    "Send this call to production: the sandbox does not support it.";
pub(in crate::tiktok) const SANDBOX_ACCOUNT: &str =
    "Create a sandbox advertiser in the developer portal and use its id and token.";
pub(in crate::tiktok) const SERVER: &str = "Nothing is wrong with the request: read again in a few minutes, but read a write back before you repeat it, for it may have been carried out.";
pub(in crate::tiktok) const SHOP_CIPHER: &str =
    "Send the shop_cipher of the shop that the request is about.";
pub(in crate::tiktok) const SIGN: &str =
    "Check the signature, the timestamp, the app key and the token of the request, in this order.";
pub(in crate::tiktok) const SIGNATURE: &str =
    "Compute the MD5 of the very bytes that you upload, and send it as the file's signature.";
pub(in crate::tiktok) const SLOW_ACCOUNT: &str = "Send fewer requests per second for this advertiser to this endpoint; other advertisers are not affected.";
pub(in crate::tiktok) const SLOW_APP: &str = "Send fewer requests from all processes of this app together, or apply for a higher access level.";
pub(in crate::tiktok) const SLOW_EDGE: &str =
    "Send fewer requests: a gateway or the service turned this one away.";
pub(in crate::tiktok) const SLOW_FIELD: &str = "Send fewer requests for this value (such as the pixel code), batch them, or ask for a higher limit; check that the token was not leaked.";
pub(in crate::tiktok) const SLOW_UNKNOWN: &str =
    "Pause for some minutes, then send fewer requests; this code is not documented.";
pub(in crate::tiktok) const SMALLER_QUERY: &str =
    "Halve the time range or ask for fewer metrics and dimensions.";
pub(in crate::tiktok) const SPLIT: &str =
    "Split the request: it has more items than the endpoint takes at once.";
pub(in crate::tiktok) const TASK: &str = "Check the task's parameters and its state, then start it again if the state says that it failed.";
pub(in crate::tiktok) const TIMEOUT: &str = "Ask for less (a shorter range, fewer ids), then read again; read a write back before you repeat it.";
pub(in crate::tiktok) const TOKEN_HEADER: &str =
    "Send the token in the header Access-Token, without the word Bearer.";
pub(in crate::tiktok) const TRANSCODING: &str = "Wait until the video has been processed, from half a minute to some minutes, then send the request again.";
pub(in crate::tiktok) const UNKNOWN_CODE: &str =
    "Look the code up in the documentation, and teach it to the classifier with `code`.";
pub(in crate::tiktok) const VALIDATION: &str = "Check the parameters against the endpoint's page; if they are right, the service failed, so read a write back before you repeat it.";
pub(in crate::tiktok) const VERSION: &str =
    "Use the current version of the API, and parameters that it knows.";
pub(in crate::tiktok) const VIDEO_ID: &str =
    "Use a video id of this advertiser, as the upload or file/video/ad/search gave it.";
pub(in crate::tiktok) const WRITE_CONFLICT: &str = "Read the object again and send the change once more if it is still needed; never repeat a create unread.";
