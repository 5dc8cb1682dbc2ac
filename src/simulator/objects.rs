use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{clock::Micros, routes::RouteId};

/// What is created, read back and updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Campaign,
    Adgroup,
    Ad,
    Video,
}

#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) id: String,
    pub(super) owner: u32,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) usable_from: Micros,
    pub(super) fields: Map<String, Value>,
}

/// All objects of one kind, found by id, by owner and by name.
#[derive(Debug)]
pub(super) struct Shelf {
    kind: Kind,
    objects: Vec<Object>,
    /// Without what was deleted, in the order of creation.
    by_owner: HashMap<u32, Vec<usize>>,
    by_name: HashMap<(u32, String), Vec<usize>>,
}

/// Advertiser ids, numbered in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Advertisers {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

/// The names that were created, to know a duplicate by.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<(u32, RouteId, String)>);

// ===== impl Kind =====

impl Kind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Campaign => "campaign",
            Self::Adgroup => "adgroup",
            Self::Ad => "ad",
            Self::Video => "video",
        }
    }

    pub(super) const fn id_fields(self) -> (&'static str, &'static str) {
        match self {
            Self::Campaign => ("campaign_id", "campaign_ids"),
            Self::Adgroup => ("adgroup_id", "adgroup_ids"),
            Self::Ad => ("ad_id", "ad_ids"),
            Self::Video => ("video_id", "video_ids"),
        }
    }

    pub(super) const fn name_field(self) -> &'static str {
        match self {
            Self::Campaign => "campaign_name",
            Self::Adgroup => "adgroup_name",
            Self::Ad => "ad_name",
            Self::Video => "file_name",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Campaign => "1781",
            Self::Adgroup => "1782",
            Self::Ad => "1783",
            Self::Video => "v10033g50000",
        }
    }
}

// ===== impl Shelf =====

impl Shelf {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            objects: Vec::new(),
            by_owner: HashMap::new(),
            by_name: HashMap::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        owner: u32,
        name: &str,
        usable_from: Micros,
        fields: Map<String, Value>,
    ) -> String {
        let place = self.objects.len();
        let id = format!("{}{place:012}", self.kind.prefix());
        self.by_owner.entry(owner).or_default().push(place);
        self.by_name
            .entry((owner, name.to_owned()))
            .or_default()
            .push(place);
        self.objects.push(Object {
            id: id.clone(),
            owner,
            name: name.to_owned(),
            status: "ENABLE".to_owned(),
            usable_from,
            fields,
        });
        id
    }

    pub(super) fn place(&self, owner: u32, id: &str) -> Option<usize> {
        let place: usize = id.strip_prefix(self.kind.prefix())?.parse().ok()?;
        let object = self.objects.get(place)?;
        (object.owner == owner && object.id == id).then_some(place)
    }

    pub(super) fn get(&self, owner: u32, id: &str) -> Option<&Object> {
        self.place(owner, id).map(|place| &self.objects[place])
    }

    pub(super) fn get_mut(&mut self, owner: u32, id: &str) -> Option<&mut Object> {
        let place = self.place(owner, id)?;
        self.objects.get_mut(place)
    }

    pub(super) fn at(&self, place: usize) -> &Object {
        &self.objects[place]
    }

    pub(super) fn set_status(&mut self, owner: u32, id: &str, status: &str) {
        let Some(place) = self.place(owner, id) else {
            return;
        };
        status.clone_into(&mut self.objects[place].status);
        let living = self.by_owner.entry(owner).or_default();
        match (status, living.binary_search(&place)) {
            ("DELETE", Ok(index)) => drop(living.remove(index)),
            ("ENABLE" | "DISABLE", Err(index)) => living.insert(index, place),
            _ => {}
        }
    }

    pub(super) fn has_name(&self, owner: u32, name: &str) -> bool {
        self.by_name.contains_key(&(owner, name.to_owned()))
    }

    pub(super) fn owned(&self, owner: u32) -> &[usize] {
        self.by_owner.get(&owner).map_or(&[], Vec::as_slice)
    }

    pub(super) fn named(&self, owner: u32, name: &str) -> &[usize] {
        let places = self.by_name.get(&(owner, name.to_owned()));
        places.map_or(&[], Vec::as_slice)
    }
}

// ===== impl Advertisers =====

impl Advertisers {
    pub(super) fn number(&mut self, id: &str) -> u32 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number =
            u32::try_from(self.names.len()).expect("there are fewer than 2^32 advertisers");
        self.numbers.insert(id.to_owned(), number);
        self.names.push(id.to_owned());
        number
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.numbers.contains_key(id)
    }

    pub(super) fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", String::as_str)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

// ===== impl Names =====

impl Names {
    /// Whether this advertiser has created this name here before.
    pub(super) fn repeats(&mut self, owner: u32, route: RouteId, name: &str) -> bool {
        !self.0.insert((owner, route, name.to_owned()))
    }
}
