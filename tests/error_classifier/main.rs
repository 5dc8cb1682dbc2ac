//! `ErrorClassifierLayer`, over the classifier of a made-up API.

mod api;
mod bounds;
mod cancel;
mod script;
mod transparent;
mod verdict;
