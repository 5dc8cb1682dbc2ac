use serde_json::{Map, Value, json};

use super::{Kind, Scene, World};
use crate::simulator::{call::text, fault::Fault, reply::Reply};

/// What an item that failed alone is told.
const UNWELL: &str = "Internal service error.";

impl World {
    pub(super) fn create_campaign(&mut self, scene: &mut Scene<'_>) -> Reply {
        for field in ["campaign_name", "objective_type"] {
            if !scene.call.has(field) {
                return Reply::missing(field);
            }
        }
        let fields = scene.call.args().clone();
        let id = self.create(scene, Kind::Campaign, fields);
        Reply::ok(json!({ "campaign_id": id }))
    }

    pub(super) fn create_adgroup(&mut self, scene: &mut Scene<'_>) -> Reply {
        for field in ["campaign_id", "adgroup_name"] {
            if !scene.call.has(field) {
                return Reply::missing(field);
            }
        }
        let campaign = scene.call.text("campaign_id").unwrap_or_default();
        if self.campaigns.get(scene.owner(), &campaign).is_none() {
            return Reply::error(40_007, format!("The campaign {campaign} does not exist. "));
        }
        let fields = scene.call.args().clone();
        let id = self.create(scene, Kind::Adgroup, fields);
        Reply::ok(json!({ "adgroup_id": id }))
    }

    /// All of the creatives or none.
    pub(super) fn create_ads(&mut self, scene: &mut Scene<'_>) -> Reply {
        for field in ["adgroup_id", "creatives"] {
            if !scene.call.has(field) {
                return Reply::missing(field);
            }
        }
        let (owner, mut creatives) = (scene.owner(), scene.call.list("creatives"));
        let adgroup = scene.call.text("adgroup_id").unwrap_or_default();
        let Some(parent) = self.adgroups.get(owner, &adgroup) else {
            return Reply::error(40_007, format!("The ad group {adgroup} does not exist. "));
        };
        let campaign = parent
            .fields
            .get("campaign_id")
            .cloned()
            .unwrap_or_default();
        if creatives.is_empty() || creatives.len() > 20 {
            return Reply::invalid("creatives", "The length of creatives should be 1-20.");
        }
        for creative in &creatives {
            if creative.get("ad_name").and_then(text).is_none() {
                return Reply::missing("ad_name");
            }
            let Some(video) = creative.get("video_id").and_then(text) else {
                continue;
            };
            match self.videos.get(owner, &video) {
                None => return Reply::error(40_007, format!("The video {video} does not exist. ")),
                Some(video) if scene.now < video.usable_from => {
                    return Reply::error(40_901, "Video transcoding in process.");
                }
                Some(_) => {}
            }
        }
        let failed = (creatives.len() > 1 && scene.strike(Fault::PartialSuccess))
            .then(|| creatives.pop())
            .flatten();
        let mut ids = Vec::with_capacity(creatives.len());
        for creative in creatives {
            let Value::Object(mut fields) = creative else {
                continue;
            };
            fields.insert("adgroup_id".into(), adgroup.clone().into());
            fields.insert("campaign_id".into(), campaign.clone());
            ids.push(self.create(scene, Kind::Ad, fields));
        }
        let Some(failed) = failed else {
            return Reply::ok(json!({ "ad_ids": ids, "need_audit": true }));
        };
        let failed = json!({ "ad_name": failed["ad_name"], "error_message": UNWELL });
        Reply::partial(json!({ "ad_ids": ids, "need_audit": true, "error_list": [failed] }))
    }

    fn create(
        &mut self,
        scene: &mut Scene<'_>,
        kind: Kind,
        mut fields: Map<String, Value>,
    ) -> String {
        fields.remove("request_id");
        fields.remove("advertiser_id");
        let name = fields
            .get(kind.name_field())
            .and_then(text)
            .unwrap_or_default();
        self.created(scene, &name);
        let (owner, now) = (scene.owner(), scene.now);
        let created = scene.clock.date_time(now);
        fields.insert("create_time".into(), created.into());
        self.shelf(kind).add(owner, &name, now, fields)
    }

    pub(super) fn update(&mut self, scene: &mut Scene<'_>, kind: Kind) -> Reply {
        let id_field = kind.id_fields().0;
        let Some(id) = scene.call.text(id_field) else {
            return Reply::missing(id_field);
        };
        let owner = scene.owner();
        let Some(object) = self.shelf(kind).get_mut(owner, &id) else {
            return Reply::error(40_007, format!("The {} {id} does not exist. ", kind.word()));
        };
        let changed = scene.call.args().iter().filter(|(key, _)| {
            // The name is what an object is known by: it is not changed here.
            !["advertiser_id", id_field, kind.name_field()].contains(&key.as_str())
        });
        for (key, value) in changed {
            object.fields.insert(key.clone(), value.clone());
        }
        scene.effects.applied = true;
        Reply::ok(json!({ id_field: id }))
    }

    pub(super) fn update_status(&mut self, scene: &mut Scene<'_>, kind: Kind) -> Reply {
        let ids_field = kind.id_fields().1;
        let mut ids = scene.call.texts(ids_field);
        let Some(status) = scene.call.text("operation_status") else {
            return Reply::missing("operation_status");
        };
        if !["ENABLE", "DISABLE", "DELETE"].contains(&status.as_str()) {
            let why = "The operation_status only supports 'DELETE', 'DISABLE', 'ENABLE'.";
            return Reply::invalid("operation_status", why);
        }
        if ids.is_empty() {
            return Reply::missing(ids_field);
        }
        if ids.len() > 20 {
            return Reply::error(40_011, "Too many IDs are provided in a single request.");
        }
        let owner = scene.owner();
        let shelf = self.shelf(kind);
        if let Some(id) = ids.iter().find(|id| shelf.get(owner, id).is_none()) {
            return Reply::error(40_007, format!("The {} {id} does not exist. ", kind.word()));
        }
        let partial = scene.strike(Fault::PartialSuccess);
        let failed = (partial || scene.strike(Fault::ErrorList))
            .then(|| ids.pop())
            .flatten();
        for id in &ids {
            shelf.set_status(owner, id, &status);
        }
        scene.effects.applied = true;
        let Some(failed) = failed else {
            return Reply::ok(json!({ ids_field: ids, "status": status }));
        };
        let failed = json!({ kind.id_fields().0: failed, "error_message": UNWELL });
        let data = json!({ ids_field: ids, "status": status, "error_list": [failed] });
        if partial {
            Reply::partial(data)
        } else {
            Reply::ok(data)
        }
    }
}
