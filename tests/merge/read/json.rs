//! JSON by hand: numbers stay text, and comments and trailing commas may be let pass.

use crate::value::Value;

/// What may be nested how deep.
const DEPTH: usize = 512;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    relaxed: bool,
}

/// Strict JSON, but for `NaN` and `Infinity`, which some writers have; `relaxed` adds comments and trailing
/// commas.
pub(crate) fn read(text: &str, relaxed: bool) -> Result<Value, String> {
    let mut reader = Reader { text, at: 0, relaxed };
    reader.space()?;
    let value = reader.value(0)?;
    reader.space()?;
    if reader.at == text.len() { Ok(value) } else { Err(reader.wrong("something after the end")) }
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong(&self, what: &str) -> String {
        format!("{what} at byte {}", self.at)
    }

    fn take(&mut self, word: &str) -> bool {
        let there = self.rest().starts_with(word);
        if there {
            self.at += word.len();
        }
        there
    }

    fn space(&mut self) -> Result<(), String> {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            if self.relaxed && self.rest().starts_with("//") {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            } else if self.relaxed && self.rest().starts_with("/*") {
                self.at += self.rest().find("*/").ok_or_else(|| self.wrong("an open comment"))? + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEPTH {
            return Err(self.wrong("too deep"));
        }
        for (word, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Number("NaN".into())),
            ("Infinity", Value::Number("Infinity".into())),
            ("-Infinity", Value::Number("-Infinity".into())),
        ] {
            if self.take(word) {
                return Ok(value);
            }
        }
        match self.rest().bytes().next() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.wrong("no value")),
        }
    }

    fn number(&mut self) -> Result<Value, String> {
        let length = self.rest().bytes().take_while(|b| b.is_ascii_digit() || b"+-.eE".contains(b)).count();
        let number = &self.rest()[..length];
        let unsigned = number.strip_prefix('-').unwrap_or(number);
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let plain = digits(whole) && (whole == "0" || !whole.starts_with('0'));
        if !plain || !digits(fraction) || !digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)) {
            return Err(self.wrong("no number"));
        }
        self.at += length;
        Ok(Value::Number(number.to_owned()))
    }

    fn string(&mut self) -> Result<String, String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(next) = self.rest().chars().next() else { return Err(self.wrong("an open string")) };
            self.at += next.len_utf8();
            match next {
                '"' => return Ok(out),
                '\\' => out.push(self.escape()?),
                control if control < ' ' => return Err(self.wrong("a control character in a string")),
                other => out.push(other),
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let Some(next) = self.rest().chars().next() else { return Err(self.wrong("an open escape")) };
        self.at += next.len_utf8();
        Ok(match next {
            '"' | '\\' | '/' => next,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let first = self.hex()?;
                let pair = (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u");
                if pair {
                    let before = self.at;
                    self.at += 2;
                    let second = self.hex()?;
                    if (0xdc00..0xe000).contains(&second) {
                        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                        return Ok(char::from_u32(code).unwrap_or('\u{fffd}'));
                    }
                    self.at = before;
                }
                char::from_u32(first).unwrap_or('\u{fffd}')
            }
            _ => return Err(self.wrong("an unknown escape")),
        })
    }

    fn hex(&mut self) -> Result<u32, String> {
        let digits = self.rest().get(..4).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let digits = digits.ok_or_else(|| self.wrong("four hex digits"))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|error| error.to_string())
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut items = Vec::new();
        self.space()?;
        while !self.take("]") {
            items.push(self.value(depth + 1)?);
            self.comma("]")?;
        }
        Ok(Value::List(items))
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut entries = Vec::new();
        self.space()?;
        while !self.take("}") {
            if !self.rest().starts_with('"') {
                return Err(self.wrong("no key"));
            }
            let key = self.string()?;
            self.space()?;
            if !self.take(":") {
                return Err(self.wrong("no colon"));
            }
            self.space()?;
            entries.push((key, self.value(depth + 1)?));
            self.comma("}")?;
        }
        Ok(Value::Map(entries))
    }

    /// After an item: a comma and another item, or the end.
    fn comma(&mut self, end: &str) -> Result<(), String> {
        self.space()?;
        let comma = self.take(",");
        self.space()?;
        match (comma, self.rest().starts_with(end)) {
            (false, false) => Err(self.wrong("no comma")),
            (true, true) if !self.relaxed => Err(self.wrong("a trailing comma")),
            _ => Ok(()),
        }
    }
}
