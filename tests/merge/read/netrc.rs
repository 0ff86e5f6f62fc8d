//! netrc as its readers see it: words, macros, and a comment wherever a keyword could stand.

use crate::value::Value;

/// `{machines: [{machine, login, password, …}], default: null or {…}, macdefs: {name: [lines]}, default_is_last}`.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let mut words = Words { rest: text };
    let mut machines: Vec<Vec<(String, Value)>> = Vec::new();
    let mut default: Option<Vec<(String, Value)>> = None;
    let mut macros = Vec::new();
    let (mut in_default, mut last) = (false, true);
    while let Some(keyword) = words.keyword()? {
        match keyword.as_str() {
            "machine" => {
                let name = words.word()?.ok_or("a machine without a name")?;
                machines.push(vec![("machine".to_owned(), Value::Text(name))]);
                (in_default, last) = (false, default.is_none());
            }
            "default" => {
                default = Some(Vec::new());
                (in_default, last) = (true, true);
            }
            "macdef" => {
                let name = words.word()?.ok_or("a macro without a name")?;
                macros.push((name, Value::List(words.body())));
            }
            "login" | "user" | "password" | "passwd" | "account" | "port" | "protocol" => {
                let value = Value::Text(words.word()?.ok_or("a field without a value")?);
                let name = match keyword.as_str() {
                    "user" => "login".to_owned(),
                    "passwd" => "password".to_owned(),
                    _ => keyword,
                };
                let entry = if in_default { default.as_mut() } else { machines.last_mut() };
                let entry = entry.ok_or("a field without a machine")?;
                entry.retain(|(known, _)| *known != name);
                entry.push((name, value));
            }
            _ => return Err("an unknown word".to_owned()),
        }
    }
    Ok(Value::Map(vec![
        ("machines".to_owned(), Value::List(machines.into_iter().map(Value::Map).collect())),
        ("default".to_owned(), default.map_or(Value::Null, Value::Map)),
        ("macdefs".to_owned(), Value::Map(macros)),
        ("default_is_last".to_owned(), Value::Bool(last)),
    ]))
}

struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    /// The next word that is not part of a comment.
    fn keyword(&mut self) -> Result<Option<String>, String> {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                return self.word();
            }
            self.rest = &self.rest[self.rest.find('\n').unwrap_or(self.rest.len())..];
        }
    }

    fn word(&mut self) -> Result<Option<String>, String> {
        self.rest = self.rest.trim_start();
        if self.rest.is_empty() {
            return Ok(None);
        }
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Ok(Some(word.to_owned()));
        };
        let mut word = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, next)) = chars.next() {
            match next {
                '"' => {
                    self.rest = &quoted[at + 1..];
                    return Ok(Some(word));
                }
                '\\' => word.extend(chars.next().map(|(_, next)| next)),
                other => word.push(other),
            }
        }
        Err("an open quote".to_owned())
    }

    /// The lines after this one, up to an empty one.
    fn body(&mut self) -> Vec<Value> {
        let mut lines = Vec::new();
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        while !self.rest.is_empty() {
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            self.rest = rest;
            let line = line.trim_end_matches('\r');
            if line.is_empty() {
                break;
            }
            lines.push(Value::Text(format!("{line}\n")));
        }
        lines
    }
}
