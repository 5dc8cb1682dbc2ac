//! What the endpoints do, once a call has passed the limits.

mod accounts;
mod ads;
mod events;
mod listing;
mod reports;
mod videos;

use std::collections::HashSet;

use super::{
    call::{Call, text},
    clock::{Clock, Micros},
    fault::Fault,
    memory::Memory,
    objects::{Advertisers, Kind, Names, Shelf},
    reply::Reply,
    routes::{ROUTES, RouteId},
    tasks::Tasks,
    tokens::Tokens,
};

/// All that the endpoints know.
#[derive(Debug)]
pub(super) struct World {
    pub(super) advertisers: Advertisers,
    pub(super) tokens: Tokens,
    campaigns: Shelf,
    adgroups: Shelf,
    ads: Shelf,
    videos: Shelf,
    names: Names,
    memory: Memory,
    events: HashSet<[String; 3]>,
    pub(super) tasks: Tasks,
    transcoding: Micros,
}

/// One call, and what it has brought about.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) now: Micros,
    pub(super) clock: &'a Clock,
    pub(super) call: &'a Call,
    pub(super) route: RouteId,
    pub(super) owners: &'a [u32],
    /// A fault that the endpoint itself brings about.
    pub(super) fault: Option<Fault>,
    pub(super) struck: bool,
    pub(super) effects: Effects,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Effects {
    pub(super) applied: bool,
    pub(super) created: u64,
    pub(super) duplicated: u64,
    pub(super) deduplicated: u64,
}

// ===== impl Scene =====

impl Scene<'_> {
    /// The account that the call is for, or the one that stands for none.
    fn owner(&self) -> u32 {
        self.owners.first().copied().unwrap_or(u32::MAX)
    }

    /// Whether this fault is to happen here, now.
    fn strike(&mut self, fault: Fault) -> bool {
        let strikes = self.fault == Some(fault);
        self.struck |= strikes;
        strikes
    }
}

// ===== impl World =====

impl World {
    pub(super) fn new(tasks: Tasks, tokens: Tokens, transcoding: Micros) -> Self {
        Self {
            advertisers: Advertisers::default(),
            tokens,
            campaigns: Shelf::new(Kind::Campaign),
            adgroups: Shelf::new(Kind::Adgroup),
            ads: Shelf::new(Kind::Ad),
            videos: Shelf::new(Kind::Video),
            names: Names::default(),
            memory: Memory::default(),
            events: HashSet::new(),
            tasks,
            transcoding,
        }
    }

    fn shelf(&mut self, kind: Kind) -> &mut Shelf {
        match kind {
            Kind::Campaign => &mut self.campaigns,
            Kind::Adgroup => &mut self.adgroups,
            Kind::Ad => &mut self.ads,
            Kind::Video => &mut self.videos,
        }
    }

    /// Carries the call out.
    pub(super) fn answer(&mut self, scene: &mut Scene<'_>) -> Reply {
        let route = &ROUTES[scene.route];
        if !route.required.is_empty() && !route.required.split('|').any(|one| scene.call.has(one)) {
            return Reply::missing(route.required.split('|').next().unwrap_or_default());
        }
        let given = route
            .remembers()
            .then(|| scene.call.text("request_id"))
            .flatten();
        let Some(given) = given else {
            return self.carry_out(scene);
        };
        let key = (scene.owner(), scene.route, given);
        if self.memory.remembers(scene.now, &key) {
            scene.effects.deduplicated += 1;
            return Reply::error(40_050, "Duplicated requests have been sent.");
        }
        let reply = self.carry_out(scene);
        if reply.is_ok() {
            self.memory.remember(scene.now, key);
        }
        reply
    }

    fn carry_out(&mut self, scene: &mut Scene<'_>) -> Reply {
        match ROUTES[scene.route].path {
            "/campaign/create/" => self.create_campaign(scene),
            "/adgroup/create/" => self.create_adgroup(scene),
            "/ad/create/" => self.create_ads(scene),
            "/campaign/get/" => self.get(scene, Kind::Campaign),
            "/adgroup/get/" => self.get(scene, Kind::Adgroup),
            "/ad/get/" => self.get(scene, Kind::Ad),
            "/campaign/status/update/" => self.update_status(scene, Kind::Campaign),
            "/adgroup/status/update/" => self.update_status(scene, Kind::Adgroup),
            "/ad/status/update/" => self.update_status(scene, Kind::Ad),
            "/campaign/update/" => self.update(scene, Kind::Campaign),
            "/adgroup/update/" => self.update(scene, Kind::Adgroup),
            "/file/video/ad/upload/" => self.upload_video(scene),
            "/file/video/ad/info/" => self.video_info(scene),
            "/file/video/ad/search/" => self.search_videos(scene),
            "/file/name/check/" => self.check_names(scene),
            "/report/integrated/get/" => self.report(scene),
            "/report/task/create/"
            | "/comment/task/create/"
            | "/blockedword/task/create/"
            | "/changelog/task/create/"
            | "/campaign/copy/task/create/" => self.create_task(scene),
            "/report/task/check/"
            | "/comment/task/check/"
            | "/blockedword/task/check/"
            | "/changelog/task/check/" => self.check_task(scene),
            "/campaign/copy/task/check/" => self.check_copy(scene),
            "/report/task/download/"
            | "/comment/task/download/"
            | "/blockedword/task/download/"
            | "/changelog/task/download/" => self.download_task(scene),
            "/report/task/cancel/" => self.cancel_task(scene),
            "/event/track/" => self.track(scene),
            "/user/info/" => accounts::user(),
            "/advertiser/info/" => self.advertiser_info(scene),
            "/oauth2/advertiser/get/" => self.granted(scene),
            "/oauth2/access_token/" => self.tokens.exchange(scene.now, false),
            "/tt_user/oauth2/token/" => self.tokens.exchange(scene.now, true),
            "/tt_user/oauth2/refresh_token/" => self.tokens.refresh(scene.now, scene.call),
            "/oauth2/revoke_token/" | "/tt_user/oauth2/revoke/" => self.revoke(scene),
            _ => self.anything_else(scene),
        }
    }

    /// Counts a new object, and whether it is one that was there already.
    fn created(&mut self, scene: &mut Scene<'_>, name: &str) {
        scene.effects.applied = true;
        scene.effects.created += 1;
        let repeats = self.names.repeats(scene.owner(), scene.route, name);
        scene.effects.duplicated += u64::from(repeats);
    }

    /// An endpoint without a model of its own: code 0, and a write is applied.
    fn anything_else(&mut self, scene: &mut Scene<'_>) -> Reply {
        let route = &ROUTES[scene.route];
        if !route.writes {
            return Reply::empty();
        }
        scene.effects.applied = true;
        let creates = ["/create/", "/upload/", "/transfer/"]
            .iter()
            .any(|end| route.path.ends_with(end));
        if let Some(name) = creates.then(|| natural_key(scene)).flatten() {
            self.created(scene, &name);
        }
        Reply::empty()
    }
}

/// What a caller gives only once: the object's name, else the request id.
fn natural_key(scene: &Scene<'_>) -> Option<String> {
    let args = scene.call.args();
    let named = args
        .iter()
        .filter(|(key, _)| *key == "name" || key.ends_with("_name"));
    // Not the first: the order of a map hangs on a feature of serde_json.
    let named = named
        .min_by_key(|(key, _)| *key)
        .and_then(|(_, value)| text(value));
    named.or_else(|| {
        let remembers = ROUTES[scene.route].remembers();
        remembers.then(|| scene.call.text("request_id")).flatten()
    })
}
