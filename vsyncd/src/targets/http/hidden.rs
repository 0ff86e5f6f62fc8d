//! What was sent must not come back in an error text.

use vsync_core::secret::Secret;
use zeroize::Zeroize;

use super::Request;

/// Anything shorter is in every text by chance. The engine compares messages with whole values besides.
const SHORTEST: usize = 8;

/// The parts of a request that are taken out of an answer that refuses it.
#[derive(Default)]
pub(super) struct Hidden(Vec<Secret<Vec<u8>>>);

impl Hidden {
    /// Credentials in headers, and every text in a JSON or form body.
    pub(super) fn of(request: &Request) -> Self {
        let mut hidden = Self::default();
        for (name, value) in &request.headers {
            let name = name.as_str();
            if value.is_sensitive()
                || name == "authorization"
                || name.contains("token")
                || name.contains("key")
            {
                // `Bearer <token>`: the token alone is as secret as the whole.
                hidden.add(value.as_bytes().rsplit(|byte| *byte == b' ').next().unwrap_or_default());
            }
        }
        let body = request.body.as_ref().map_or(&[][..], |body| body.expose());
        match (serde_json::from_slice(body), std::str::from_utf8(body)) {
            (Ok(json), _) => hidden.add_leaves(json),
            (Err(_), Ok(form)) => form.split(['&', '=']).for_each(|part| hidden.add(part.as_bytes())),
            (Err(_), Err(_)) => hidden.add(body),
        }
        hidden
    }

    fn add(&mut self, part: &[u8]) {
        if part.len() >= SHORTEST {
            self.0.push(Secret::new(part.to_vec()));
        }
    }

    fn add_leaves(&mut self, json: serde_json::Value) {
        match json {
            serde_json::Value::String(mut text) => {
                self.add(text.as_bytes());
                text.zeroize();
            }
            serde_json::Value::Array(items) => {
                items.into_iter().for_each(|item| {
                    self.add_leaves(item);
                });
            }
            serde_json::Value::Object(fields) => {
                fields.into_iter().for_each(|(_, item)| {
                    self.add_leaves(item);
                });
            }
            _ => {}
        }
    }

    /// The text without any of them.
    pub(super) fn remove_from(&self, text: String) -> String {
        let quoted = |part: &Secret<Vec<u8>>| std::str::from_utf8(part.expose()).ok().map(ToOwned::to_owned);
        self.0.iter().filter_map(quoted).fold(text, |text, part| text.replace(&part, "…"))
    }
}
