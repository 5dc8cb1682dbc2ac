use std::{collections::HashMap, ops::Index, sync::LazyLock};

use http::Method;

/// Every endpoint: `METHOD R|W advertiser-field path`.
const TABLE: &str = include_str!("routes.txt");

pub(super) static ROUTES: LazyLock<Routes> = LazyLock::new(Routes::parse);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RouteId(u16);

#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) path: &'static str,
    pub(super) method: Method,
    pub(super) writes: bool,
    /// Parameters of which one has to be given.
    pub(super) required: &'static str,
}

#[derive(Debug)]
pub(super) struct Routes {
    all: Vec<Route>,
    by_path: HashMap<&'static str, RouteId>,
}

/// What a URL leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Route(RouteId),
    /// A known endpoint without its trailing slash.
    NoSlash,
    Nothing,
}

// ===== impl RouteId =====

impl From<RouteId> for usize {
    fn from(id: RouteId) -> Self {
        id.0.into()
    }
}

// ===== impl Route =====

impl Route {
    pub(super) fn is_report(&self) -> bool {
        self.path.starts_with("/report/") || self.path.ends_with("/report/get/")
    }

    /// The Events API answers with real HTTP statuses.
    pub(super) fn is_events(&self) -> bool {
        self.path.ends_with("/track/")
            || matches!(
                self.path,
                "/pixel/batch/" | "/app/batch/" | "/offline/batch/"
            )
    }

    /// The token endpoints are called to get a token, so without one.
    pub(super) fn is_token(&self) -> bool {
        matches!(self.path, "/oauth2/access_token/" | "/oauth2/revoke_token/")
            || self.path.starts_with("/tt_user/oauth2/")
    }

    /// The endpoints that remember a client's `request_id` for ten seconds.
    pub(super) fn remembers(&self) -> bool {
        matches!(
            self.path,
            "/campaign/create/"
                | "/adgroup/create/"
                | "/adgroup/rf/create/"
                | "/campaign/gmv_max/create/"
                | "/campaign/copy/task/create/"
                | "/bc/transfer/"
                | "/smart_plus/campaign/create/"
                | "/smart_plus/adgroup/create/"
        )
    }
}

// ===== impl Routes =====

impl Routes {
    fn parse() -> Self {
        let mut all = Vec::new();
        let mut by_path = HashMap::new();
        for line in TABLE.lines() {
            let mut words = line.split(' ');
            let mut word = || words.next().expect("a line of routes.txt has four words");
            let (method, kind, required, path) = (word(), word(), word(), word());
            let id = RouteId(u16::try_from(all.len()).expect("there are fewer than 65,536 routes"));
            by_path.insert(path, id);
            all.push(Route {
                path,
                method: if method == "GET" {
                    Method::GET
                } else {
                    Method::POST
                },
                writes: kind == "W",
                required: if required == "-" { "" } else { required },
            });
        }
        Self { all, by_path }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (RouteId, &Route)> {
        (0..).map(RouteId).zip(&self.all)
    }

    /// The endpoint of a whole URL path.
    pub(super) fn find(&self, url_path: &str) -> Found {
        let Some(path) = url_path.strip_prefix("/open_api/v1.3") else {
            return Found::Nothing;
        };
        if let Some(id) = self.by_path.get(path) {
            return Found::Route(*id);
        }
        match self.named(path) {
            // One route is known to be called without its slash.
            Some(id) if path == "/user/info" => Found::Route(id),
            Some(_) => Found::NoSlash,
            None => Found::Nothing,
        }
    }

    /// The endpoint of a name, with or without slashes at its ends.
    pub(super) fn named(&self, name: &str) -> Option<RouteId> {
        self.by_path
            .get(format!("/{}/", name.trim_matches('/')).as_str())
            .copied()
    }
}

impl Index<RouteId> for Routes {
    type Output = Route;

    fn index(&self, id: RouteId) -> &Route {
        &self.all[usize::from(id)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found_by_its_url() {
        for (id, route) in ROUTES.iter() {
            let url = format!("/open_api/v1.3{}", route.path);
            assert_eq!(ROUTES.find(&url), Found::Route(id));
        }
        assert_eq!(ROUTES.len(), ROUTES.by_path.len());
    }

    #[test]
    fn a_path_without_its_slash_is_not_found() {
        assert_eq!(ROUTES.find("/open_api/v1.3/campaign/get"), Found::NoSlash);
        assert_eq!(ROUTES.find("/campaign/get/"), Found::Nothing);
        assert!(matches!(
            ROUTES.find("/open_api/v1.3/user/info"),
            Found::Route(_)
        ));
    }

    #[test]
    fn eight_endpoints_remember_a_request_id() {
        assert_eq!(
            ROUTES.iter().filter(|(_, route)| route.remembers()).count(),
            8
        );
    }
}
