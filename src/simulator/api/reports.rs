use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Scene, World, listing::page, natural_key};
use crate::simulator::{
    chance::Chance,
    clock::{civil, day_of},
    fault::Fault,
    objects::Shelf,
    reply::Reply,
    routes::ROUTES,
    tasks::Status,
};

impl World {
    /// `report/integrated/get`: rows made up, the same for the same question.
    pub(super) fn report(&mut self, scene: &Scene<'_>) -> Reply {
        if let Some(refusal) = question(scene) {
            return refusal;
        }
        let rows = self.rows(scene);
        page(scene.call, &rows, "list", Value::clone)
    }

    pub(super) fn create_task(&mut self, scene: &mut Scene<'_>) -> Reply {
        let is_report = ROUTES[scene.route].path == "/report/task/create/";
        if let Some(refusal) = question(scene).filter(|_| is_report) {
            return refusal;
        }
        match natural_key(scene).filter(|_| !is_report) {
            Some(name) => self.created(scene, &name),
            None => {
                scene.effects.applied = true;
                scene.effects.created += 1;
            }
        }
        let fails = scene.strike(Fault::TaskFailure);
        let id = self.tasks.create(scene.now, scene.owner(), fails);
        Reply::ok(json!({ "task_id": id }))
    }

    pub(super) fn check_task(&mut self, scene: &Scene<'_>) -> Reply {
        let status = match self.status(scene) {
            Err(refusal) => return refusal,
            Ok(status) => status,
        };
        // Code 0 all the same.
        Reply::ok(json!({
            "status": match status {
                Status::Queued => "QUEUING",
                Status::Running => "PROCESSING",
                Status::Done => "SUCCESS",
                Status::Failed => "FAILED",
                Status::Canceled => "CANCELED",
            },
            "message": match status {
                Status::Failed => "Failed to run the task, please try again later.",
                _ => "",
            },
        }))
    }

    /// The copy of a campaign has words of its own.
    pub(super) fn check_copy(&mut self, scene: &Scene<'_>) -> Reply {
        match self.status(scene) {
            Err(refusal) => refusal,
            Ok(Status::Queued | Status::Running) => Reply::ok(json!({ "task_status": "RUNNING" })),
            Ok(Status::Done) => Reply::ok(json!({
                "task_status": "SUCCESS", "ad_status": "ALL_SUCCESS",
            })),
            Ok(Status::Failed | Status::Canceled) => Reply::ok(json!({ "task_status": "FAILURE" })),
        }
    }

    pub(super) fn download_task(&mut self, scene: &Scene<'_>) -> Reply {
        match self.status(scene) {
            Err(refusal) => refusal,
            Ok(Status::Done) => Reply::file(Bytes::from_static(b"advertiser_id,spend\n1,12.34\n")),
            Ok(Status::Queued | Status::Running) => Reply::error(40_201, "Task is not ready."),
            Ok(Status::Failed | Status::Canceled) => Reply::error(40_200, "Task error."),
        }
    }

    pub(super) fn cancel_task(&mut self, scene: &mut Scene<'_>) -> Reply {
        let id = scene.call.text("task_id").unwrap_or_default();
        if !self.tasks.cancel(scene.owner(), &id) {
            return Reply::error(40_007, format!("The task {id} does not exist. "));
        }
        scene.effects.applied = true;
        Reply::empty()
    }

    fn status(&mut self, scene: &Scene<'_>) -> Result<Status, Reply> {
        let id = scene
            .call
            .text("task_id")
            .ok_or_else(|| Reply::missing("task_id"))?;
        let status = self.tasks.status(scene.now, scene.owner(), &id);
        status.ok_or_else(|| Reply::error(40_007, format!("The task {id} does not exist. ")))
    }

    /// Every account (or campaign, ad group, ad) on every day that was asked for.
    fn rows(&self, scene: &Scene<'_>) -> Vec<Value> {
        let (dimensions, metrics) = (scene.call.texts("dimensions"), scene.call.texts("metrics"));
        let has = |name: &str| dimensions.iter().any(|dimension| dimension == name);
        let days = if has("stat_time_day") {
            days(scene)
        } else {
            vec![String::new()]
        };
        let mut rows = Vec::new();
        for &owner in scene.owners {
            let ids = |shelf: &Shelf| -> Vec<String> {
                let places = shelf.owned(owner).iter();
                places.map(|place| shelf.at(*place).id.clone()).collect()
            };
            let ids = match () {
                () if has("ad_id") => ids(&self.ads),
                () if has("adgroup_id") => ids(&self.adgroups),
                () if has("campaign_id") => ids(&self.campaigns),
                () => vec![self.advertisers.name(owner).to_owned()],
            };
            for (id, day) in ids
                .iter()
                .flat_map(|id| days.iter().map(move |day| (id, day)))
            {
                let named = dimensions.iter().map(|name| {
                    let value = match name.as_str() {
                        "stat_time_day" => day.as_str(),
                        "advertiser_id" => self.advertisers.name(owner),
                        _ => id,
                    };
                    (name.clone(), Value::from(value))
                });
                let measured = metrics
                    .iter()
                    .map(|name| (name.clone(), metric(id, day, name)));
                rows.push(json!({
                    "dimensions": named.collect::<Map<_, _>>(),
                    "metrics": measured.collect::<Map<_, _>>(),
                }));
            }
        }
        rows
    }
}

/// What is wrong with the report that is asked for.
fn question(scene: &Scene<'_>) -> Option<Reply> {
    let call = scene.call;
    if let Some(field) = ["report_type", "dimensions"]
        .into_iter()
        .find(|field| !call.has(field))
    {
        return Some(Reply::missing(field));
    }
    if scene.owners.is_empty() && !call.has("bc_id") {
        return Some(Reply::missing("advertiser_id"));
    }
    if scene.owners.len() > 5 {
        return Some(Reply::invalid(
            "advertiser_ids",
            "The length should be 1-5.",
        ));
    }
    let lifetime = call.args().get("query_lifetime");
    if lifetime.is_some_and(|value| *value == true || *value == "true") {
        return None;
    }
    let Some((first, last)) = range(scene) else {
        return Some(Reply::missing("start_date, end_date"));
    };
    let dimensions = call.texts("dimensions");
    let most = match () {
        () if dimensions.iter().any(|name| name == "stat_time_hour") => 1,
        () if dimensions.iter().any(|name| name == "stat_time_day") => 30,
        () => 365,
    };
    if last < first {
        return Some(Reply::invalid(
            "end_date",
            "The end_date is before the start_date.",
        ));
    }
    (last - first >= most).then(|| {
        Reply::error(
            40_067,
            "Your query is too large, please reduce the query size (e.g. fewer metrics or time range) and retry after a while.",
        )
    })
}

fn range(scene: &Scene<'_>) -> Option<(u64, u64)> {
    let day = |field: &str| day_of(&scene.call.text(field)?);
    Some((day("start_date")?, day("end_date")?))
}

fn days(scene: &Scene<'_>) -> Vec<String> {
    let Some((first, last)) = range(scene) else {
        return vec![String::new()];
    };
    let written = |day| {
        let (year, month, day) = civil(day);
        format!("{year:04}-{month:02}-{day:02} 00:00:00")
    };
    (first..=last).map(written).collect()
}

/// Metrics are strings.
fn metric(id: &str, day: &str, name: &str) -> Value {
    let bytes = [id, day, name].into_iter().flat_map(str::bytes);
    let seed = bytes.fold(0, |seed: u64, byte| {
        seed.wrapping_mul(31).wrapping_add(byte.into())
    });
    let value = Chance::of(seed, 0).next() % 100_000;
    match name {
        "spend" | "cpc" | "cpm" | "ctr" => format!("{}.{:02}", value / 100, value % 100).into(),
        _ => value.to_string().into(),
    }
}
