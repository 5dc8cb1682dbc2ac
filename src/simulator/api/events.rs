use super::{Scene, World};
use crate::simulator::{call::text, reply::Reply};

impl World {
    /// `event/track`. An event with a known `event_id` is dropped.
    pub(super) fn track(&mut self, scene: &mut Scene<'_>) -> Reply {
        for field in ["event_source", "event_source_id", "data"] {
            if !scene.call.has(field) {
                return Reply::missing(field);
            }
        }
        let (source, events) = (scene.call.text("event_source_id"), scene.call.list("data"));
        if events.len() > 1_000 {
            return Reply::invalid("data", "The length of data should be 1-1000.");
        }
        scene.effects.applied = true;
        for event in events {
            let field = |name: &str| event.get(name).and_then(text).unwrap_or_default();
            let (name, id) = (field("event"), field("event_id"));
            let key = [source.clone().unwrap_or_default(), name, id];
            if key[2].is_empty() || self.events.insert(key) {
                scene.effects.created += 1;
            } else {
                scene.effects.deduplicated += 1;
            }
        }
        Reply::empty()
    }
}
