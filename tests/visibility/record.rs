//! Writes down all that is logged.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::DefaultGuard,
};
use tracing_subscriber::{layer, layer::SubscriberExt, registry::LookupSpan};

use crate::listen::listen;

#[derive(Clone, Debug, Default)]
pub(crate) struct Record(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) events: Vec<Entry>,
    /// By id, in the order in which they began.
    pub(crate) spans: BTreeMap<u64, Entry>,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) level: Level,
    pub(crate) fields: BTreeMap<&'static str, String>,
    /// The number of the span that it is in.
    pub(crate) within: Option<u64>,
}

/// The number of a span, of those that began.
#[derive(Clone, Copy)]
struct Number(u64);

impl Record {
    /// Of this thread, until the guard is dropped.
    pub(crate) fn begin() -> (Self, DefaultGuard) {
        listen();
        let record = Self::default();
        let subscriber = tracing_subscriber::registry().with(record.clone());
        let guard = tracing::subscriber::set_default(subscriber);
        (record, guard)
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    pub(crate) fn events(&self, message: &str) -> impl Iterator<Item = &Entry> {
        let events = self.events.iter();
        events.filter(move |event| event.fields["message"] == message)
    }
}

impl Entry {
    fn new(metadata: &'static tracing::Metadata<'static>, within: Option<u64>) -> Self {
        Self {
            name: metadata.name(),
            level: *metadata.level(),
            fields: BTreeMap::new(),
            within,
        }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

impl Visit for Entry {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> layer::Layer<S> for Record {
    fn on_new_span(
        &self,
        attributes: &span::Attributes<'_>,
        id: &span::Id,
        ctx: layer::Context<'_, S>,
    ) {
        let span = ctx.span(id).unwrap();
        let within = span
            .parent()
            .map(|it| it.extensions().get::<Number>().unwrap().0);
        let mut entry = Entry::new(attributes.metadata(), within);
        attributes.record(&mut entry);
        let mut seen = self.seen();
        let number = seen.spans.len() as u64;
        seen.spans.insert(number, entry);
        span.extensions_mut().insert(Number(number));
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, ctx: layer::Context<'_, S>) {
        let Number(number) = *ctx.span(id).unwrap().extensions().get().unwrap();
        values.record(self.seen().spans.get_mut(&number).unwrap());
    }

    fn on_event(&self, event: &Event<'_>, ctx: layer::Context<'_, S>) {
        let within = ctx.event_span(event);
        let within = within.map(|it| it.extensions().get::<Number>().unwrap().0);
        let mut entry = Entry::new(event.metadata(), within);
        event.record(&mut entry);
        self.seen().events.push(entry);
    }
}
