use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::{Kind, Scene, World};
use crate::simulator::{
    call::{Call, text},
    objects::Shelf,
    reply::Reply,
};

impl World {
    /// `campaign/get`, `adgroup/get`, `ad/get`.
    pub(super) fn get(&mut self, scene: &Scene<'_>, kind: Kind) -> Reply {
        let (owner, filters) = (scene.owner(), scene.call.object("filtering"));
        let advertiser = self.advertisers.name(owner).to_owned();
        let shelf = self.shelf(kind);
        let found = select(shelf, kind, owner, &filters);
        page(scene.call, &found, "list", |place| {
            let object = shelf.at(*place);
            let mut row = object.fields.clone();
            row.insert(kind.id_fields().0.into(), object.id.clone().into());
            row.insert(kind.name_field().into(), object.name.clone().into());
            row.insert("advertiser_id".into(), advertiser.clone().into());
            row.insert("operation_status".into(), object.status.clone().into());
            Value::Object(row)
        })
    }
}

/// The owner's objects that pass the filters. Ids and names are looked up, the
/// parents are tried on what those leave; no filter costs nothing.
fn select<'a>(
    shelf: &'a Shelf,
    kind: Kind,
    owner: u32,
    filters: &Map<String, Value>,
) -> Cow<'a, [usize]> {
    let ids = filters.get(kind.id_fields().1).map(texts);
    let names = names(kind, filters);
    let part = part_of_name(kind, filters);
    let parents: Vec<(&str, Vec<String>)> = [Kind::Campaign, Kind::Adgroup]
        .into_iter()
        .filter(|parent| *parent != kind)
        .filter_map(|parent| {
            let (id, ids) = parent.id_fields();
            Some((id, texts(filters.get(ids)?)))
        })
        .collect();
    let found: Vec<usize> = match (&ids, &names) {
        (None, None) if parents.is_empty() && part.is_none() => {
            return Cow::Borrowed(shelf.owned(owner));
        }
        (None, None) => shelf.owned(owner).to_vec(),
        (Some(ids), _) => ids.iter().filter_map(|id| shelf.place(owner, id)).collect(),
        (None, Some(names)) => {
            let places = names.iter().flat_map(|name| shelf.named(owner, name));
            places.copied().collect()
        }
    };
    let passes = |place: &usize| {
        let object = shelf.at(*place);
        object.status != "DELETE"
            && part.as_ref().is_none_or(|part| object.name.contains(part))
            && names
                .as_ref()
                .is_none_or(|names| names.contains(&object.name))
            && parents.iter().all(|(field, wanted)| {
                let parent = object.fields.get(*field).and_then(text);
                parent.is_some_and(|parent| wanted.contains(&parent))
            })
    };
    Cow::Owned(found.into_iter().filter(passes).collect())
}

/// "Fuzzy match is supported", for campaigns.
fn part_of_name(kind: Kind, filters: &Map<String, Value>) -> Option<String> {
    let wanted = filters.get(kind.name_field()).and_then(text);
    wanted.filter(|_| kind == Kind::Campaign)
}

fn names(kind: Kind, filters: &Map<String, Value>) -> Option<Vec<String>> {
    let field = kind.name_field();
    let one = filters.get(field).filter(|_| kind != Kind::Campaign);
    let one = one.and_then(text).map(|name| vec![name]);
    one.or_else(|| filters.get(&format!("{field}s")).map(texts))
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(text)
        .collect()
}

/// One page of what was found, with `page_info`.
pub(super) fn page<T>(call: &Call, found: &[T], field: &str, row: impl Fn(&T) -> Value) -> Reply {
    let page = call.number("page").unwrap_or(1);
    let size = call.number("page_size").unwrap_or(10);
    if page == 0 || !(1..=1_000).contains(&size) {
        return Reply::invalid("page_size", "The page_size should be 1-1000.");
    }
    let total = found.len() as u64;
    let skip = usize::try_from((page - 1).saturating_mul(size)).unwrap_or(usize::MAX);
    let rows: Vec<Value> = found
        .iter()
        .skip(skip)
        .take(size as usize)
        .map(row)
        .collect();
    Reply::ok(json!({
        field: rows,
        "page_info": {
            "page": page, "page_size": size,
            "total_number": total, "total_page": total.div_ceil(size),
        },
    }))
}
