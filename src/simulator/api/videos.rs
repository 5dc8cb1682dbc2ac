use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::{Kind, Scene, World, listing::page};
use crate::simulator::{
    call::text, clock::Micros, objects::Object, reply::Reply, tasks::TaskTimes,
};

impl World {
    /// By URL or by file. The name must be new, the video is usable later.
    pub(super) fn upload_video(&mut self, scene: &mut Scene<'_>) -> Reply {
        let call = scene.call;
        let kind = call
            .text("upload_type")
            .unwrap_or_else(|| "UPLOAD_BY_FILE".to_owned());
        let required: &[&str] = match kind.as_str() {
            "UPLOAD_BY_FILE" => &["video_file", "video_signature"],
            "UPLOAD_BY_URL" => &["video_url"],
            "UPLOAD_BY_FILE_ID" => &["file_id"],
            "UPLOAD_BY_VIDEO_ID" => &["video_id"],
            _ => return Reply::invalid("upload_type", "The upload_type is not supported."),
        };
        if let Some(field) = required.iter().find(|field| !call.has(field)) {
            return Reply::missing(field);
        }
        let owner = scene.owner();
        let name = call.text("file_name").or_else(|| call.text("video_file"));
        if name
            .as_ref()
            .is_some_and(|name| self.videos.has_name(owner, name))
        {
            return Reply::error(40_911, "The material's name has a duplicate.");
        }
        // Without a name every upload is a video of its own.
        let name = name.unwrap_or_else(|| format!("video {}", self.videos.owned(owner).len()));
        self.created(scene, &name);
        let id = self.videos.add(owner, &name, Micros::MAX, Map::new());
        let times = TaskTimes {
            queued: 0,
            processing: self.transcoding,
        };
        let usable_from = self.tasks.begin(scene.now, owner, &id, times, false);
        if let Some(video) = self.videos.get_mut(owner, &id) {
            video.usable_from = usable_from;
        }
        // An array with one object, "for compatibility reasons".
        Reply::ok(json!([{ "video_id": id }]))
    }

    /// Leaves out what cannot be used yet.
    pub(super) fn video_info(&mut self, scene: &Scene<'_>) -> Reply {
        let ids = scene.call.texts("video_ids");
        if ids.is_empty() {
            return Reply::missing("video_ids");
        }
        if ids.len() > 60 {
            return Reply::error(40_011, "Too many IDs are provided in a single request.");
        }
        let owner = scene.owner();
        self.asked_after(scene, &ids);
        let found = ids.iter().filter_map(|id| self.videos.get(owner, id));
        let usable = found.filter(|video| video.usable_from <= scene.now);
        Reply::ok(json!({ "list": usable.map(row).collect::<Vec<_>>() }))
    }

    pub(super) fn search_videos(&mut self, scene: &Scene<'_>) -> Reply {
        let filters = scene.call.object("filtering");
        let texts = |field: &str| -> Option<Vec<String>> {
            let values = filters.get(field)?.as_array()?;
            Some(values.iter().filter_map(text).collect())
        };
        let owner = scene.owner();
        let name = filters
            .get("video_name")
            .or_else(|| filters.get("file_name"));
        let name = name.and_then(text);
        let places = match (texts("video_ids"), &name) {
            (Some(ids), _) => {
                self.asked_after(scene, &ids);
                let places = ids.iter().filter_map(|id| self.videos.place(owner, id));
                Cow::Owned(places.collect())
            }
            (None, Some(name)) => Cow::Borrowed(self.videos.named(owner, name)),
            (None, None) => Cow::Borrowed(self.videos.owned(owner)),
        };
        let videos = places.iter().map(|place| self.videos.at(*place));
        let usable = videos.filter(|video| {
            video.usable_from <= scene.now && name.as_ref().is_none_or(|name| video.name == *name)
        });
        let usable: Vec<&Object> = usable.collect();
        page(scene.call, &usable, "list", |video| row(video))
    }

    /// Notes that these were asked after.
    fn asked_after(&mut self, scene: &Scene<'_>, ids: &[String]) {
        for id in ids {
            self.tasks.status(scene.now, scene.owner(), id);
        }
    }

    /// `file/name/check`: which of the names are taken.
    pub(super) fn check_names(&mut self, scene: &Scene<'_>) -> Reply {
        let Some(files) = Some(scene.call.list("files")).filter(|files| !files.is_empty()) else {
            return Reply::missing("files");
        };
        let owner = scene.owner();
        let name = |file: &Value| file.get("file_name").and_then(text);
        let (taken, free): (Vec<String>, Vec<String>) = files
            .iter()
            .filter_map(name)
            .partition(|name| self.videos.has_name(owner, name));
        Reply::ok(json!({ "duplicate_file_names": taken, "available_file_names": free }))
    }
}

fn row(video: &Object) -> Value {
    json!({
        "video_id": video.id,
        Kind::Video.name_field(): video.name,
        "displayable": true,
        "duration": 15.0, "width": 540, "height": 960, "format": "mp4",
    })
}
