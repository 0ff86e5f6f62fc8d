//! The map that a KV secret is: each value as the JSON text it came as, so that what nobody here wrote
//! goes back byte for byte.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use vsync_core::secret::Secret;
use zeroize::Zeroizing;

use super::super::Write;

/// A version of the map.
#[derive(Debug, Default)]
pub(super) struct Map {
    /// The version's number; 0 when there never was one.
    pub(super) version: u64,
    values: BTreeMap<String, Secret<String>>,
}

#[derive(Deserialize)]
struct Answered {
    data: Option<Versioned>,
}

#[derive(Deserialize)]
struct Versioned {
    data: Option<BTreeMap<String, Box<RawValue>>>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    version: u64,
}

impl Map {
    /// Reads the answer to a question for the newest version; one that was deleted is empty. `None` when
    /// it is not the answer of a KV engine of version 2.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let versioned = serde_json::from_slice::<Answered>(body).ok()?.data?;
        let version = versioned.metadata?.version;
        let text = |raw: Box<RawValue>| Secret::new(String::from(Box::<str>::from(raw)));
        let values = versioned.data.unwrap_or_default();
        Some(Self { version, values: values.into_iter().map(|(name, raw)| (name, text(raw))).collect() })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.values.keys()
    }

    /// Whether a value is a text with these bytes.
    pub(super) fn holds(&self, name: &str, value: &[u8]) -> bool {
        let Some(raw) = self.values.get(name) else { return false };
        let text = serde_json::from_str::<String>(raw.expose()).map(Zeroizing::new);
        text.is_ok_and(|text| text.as_bytes() == value)
    }

    /// Whether nothing is left to do.
    pub(super) fn has_all(&self, writes: &[Write]) -> bool {
        writes.iter().all(|write| match write {
            Write::Put { name, value, .. } => self.holds(name, value.expose()),
            Write::Remove { name } => !self.has(name),
        })
    }

    /// The map with these writes, and the version it replaces. Values that are no text are left out: see
    /// [`is_text`].
    pub(super) fn overlay(&mut self, writes: &[Write]) {
        for write in writes {
            match write {
                Write::Put { name, value, .. } => {
                    let text = std::str::from_utf8(value.expose()).ok();
                    if let Some(json) = text.and_then(|text| serde_json::to_string(text).ok()) {
                        self.values.insert(name.clone(), Secret::new(json));
                    }
                }
                Write::Remove { name } => {
                    self.values.remove(name);
                }
            }
        }
    }

    /// The map without these keys.
    pub(super) fn remove(&mut self, names: &[String]) {
        self.values.retain(|name, _| !names.contains(name));
    }

    /// The body that writes the map, if its version is still the newest one.
    pub(super) fn body(&self) -> Secret<Vec<u8>> {
        let head = format!("{{\"options\":{{\"cas\":{}}},\"data\":{{", self.version);
        let length: usize =
            self.values.iter().map(|(name, raw)| name.len() * 6 + raw.expose().len() + 4).sum();
        // One allocation: a vector that grows leaves copies of what it held.
        let mut body = Vec::with_capacity(head.len() + length + 2);
        body.extend_from_slice(head.as_bytes());
        for (index, (name, raw)) in self.values.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            body.extend_from_slice(serde_json::Value::from(name.as_str()).to_string().as_bytes());
            body.push(b':');
            body.extend_from_slice(raw.expose().as_bytes());
        }
        body.extend_from_slice(b"}}");
        Secret::new(body)
    }
}

/// Whether a value can be one of a map: JSON has no bytes.
pub(super) fn is_text(write: &Write) -> bool {
    match write {
        Write::Put { value, .. } => std::str::from_utf8(value.expose()).is_ok(),
        Write::Remove { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put(name: &str, value: &[u8]) -> Write {
        let value = Secret::new(value.to_vec());
        Write::Put { name: name.into(), value, exists: false, token: String::new() }
    }

    #[test]
    fn what_is_not_text_goes_back_as_it_came() {
        let odd = r#"{"data":{"data":{"n":1.0,"big":12345678901234567890123,"e":1e400,"s":"a\u003cb","o": { "x" : [null] }},"metadata":{"version":7}}}"#;
        let mut map = Map::read(odd.as_bytes()).unwrap();
        map.overlay(&[put("new\"", "ü\n".as_bytes()), Write::Remove { name: "gone".into() }]);
        let body = String::from_utf8(map.body().expose().clone()).unwrap();
        assert_eq!(
            body,
            r#"{"options":{"cas":7},"data":{"big":12345678901234567890123,"e":1e400,"n":1.0,"new\"":"ü\n","o":{ "x" : [null] },"s":"a\u003cb"}}"#
        );
        assert!(map.holds("s", b"a<b") && !map.holds("n", b"1.0") && !map.holds("none", b""));
    }

    #[test]
    fn deleted_versions_are_empty_and_other_engines_are_seen() {
        let deleted = r#"{"data":{"data":null,"metadata":{"version":3,"deletion_time":"x"}}}"#;
        let map = Map::read(deleted.as_bytes()).unwrap();
        assert_eq!((map.version, map.names().count()), (3, 0));
        for other in [r#"{"data":{"a":"b"}}"#, r#"{"errors":[]}"#, r#"{"data":{"data":"x"}}"#, "x"] {
            assert!(Map::read(other.as_bytes()).is_none(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_held_byte_for_byte(name: String, value: String) {
            let writes = [put(&name, value.as_bytes())];
            let mut map = Map::default();
            prop_assert!(!map.has_all(&writes));
            map.overlay(&writes);
            prop_assert!(map.has_all(&writes));
            let body: serde_json::Value = serde_json::from_slice(map.body().expose()).unwrap();
            prop_assert_eq!(body["data"][name.as_str()].as_str(), Some(value.as_str()));
            prop_assert_eq!(&body["options"]["cas"], 0);
        }
    }
}
