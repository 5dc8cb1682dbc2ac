use serde_json::{Value, json};

use super::{Scene, World};
use crate::simulator::reply::Reply;

pub(super) fn user() -> Reply {
    Reply::ok(json!({
        "core_user_id": "6800000000000000001",
        "display_name": "Simulated User",
        "email": "s***d@example.com",
        "create_time": 1_577_836_800,
    }))
}

impl World {
    pub(super) fn advertiser_info(&mut self, scene: &Scene<'_>) -> Reply {
        if scene.owners.len() > 100 {
            return Reply::error(40_011, "Too many IDs are provided in a single request.");
        }
        let row = |id: &u32| {
            json!({
                "advertiser_id": self.advertisers.name(*id),
                "name": format!("Advertiser {}", self.advertisers.name(*id)),
                "currency": "USD", "timezone": "Etc/UTC", "status": "STATUS_ENABLE",
                "balance": 1000.0,
            })
        };
        Reply::ok(json!({ "list": scene.owners.iter().map(row).collect::<Vec<Value>>() }))
    }

    /// `oauth2/advertiser/get`: the accounts that the token may use.
    pub(super) fn granted(&mut self, scene: &Scene<'_>) -> Reply {
        for field in ["app_id", "secret"] {
            if !scene.call.has(field) {
                return Reply::missing(field);
            }
        }
        let row = |id: &str| json!({ "advertiser_id": id, "advertiser_name": format!("Advertiser {id}") });
        let list: Vec<Value> = self.advertisers.names().map(row).collect();
        Reply::ok(json!({ "list": list }))
    }

    /// `oauth2/revoke_token`.
    pub(super) fn revoke(&mut self, scene: &mut Scene<'_>) -> Reply {
        let Some(token) = scene.call.text("access_token") else {
            return Reply::missing("access_token");
        };
        self.tokens.revoke(&token);
        scene.effects.applied = true;
        Reply::empty()
    }
}
