//! Lines in, lines out: JSON-RPC 2.0, one message per line.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::error::{Code, Failure};
use crate::event::{self, Event, Part, Parts};
use crate::request::Ask;

/// The longest request line in bytes, without its line end.
pub const REQUEST_MAX: usize = 1 << 20;
/// The longest line of an answer in bytes. One that would be longer travels in parts, each of
/// them such a line.
pub const PART_MAX: usize = 256 << 10;
/// The longest line a client takes: only a status event or plan with very many names comes near it.
pub const LINE_MAX: usize = 64 << 20;
/// What is left of [`PART_MAX`] for content beside the id (at most 64 bytes, escaped) and the frame.
const PIECE_MAX: usize = PART_MAX - 1024;
/// The longest text that may be a request's id.
const ID_MAX: usize = 64;

/// What a request and everything that answers it share. The client chooses it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// A number.
    Number(u64),
    /// Up to 64 bytes of text.
    Text(String),
}

/// A request as it came: the method is not looked up, the parameters are not read.
#[derive(Debug)]
pub struct Request {
    /// What its answer will carry.
    pub id: Id,
    /// The method's word.
    pub method: String,
    /// The parameters.
    pub params: Option<Box<RawValue>>,
}

/// A line that is not a request, with the id it had, where one could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// The id the answer should carry.
    pub id: Option<Id>,
    /// What is wrong.
    pub failure: Failure,
}

#[derive(Deserialize)]
struct RawMessage<'a> {
    jsonrpc: Option<String>,
    id: Option<Id>,
    method: Option<String>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<Failure>,
}

/// Reads one line as a request.
///
/// # Errors
/// [`BadLine`] with [`Code::RequestTooLarge`] or [`Code::BadRequest`].
pub fn read_request(line: &[u8]) -> Result<Request, BadLine> {
    let bad = |id, text: &str| Err(BadLine { id, failure: Failure::new(Code::BadRequest, text) });
    if line.len() > REQUEST_MAX {
        let text = format!("the request is longer than {REQUEST_MAX} bytes");
        return Err(BadLine { id: None, failure: Failure::new(Code::RequestTooLarge, text) });
    }
    let Ok(message) = serde_json::from_slice::<RawMessage<'_>>(line) else {
        return bad(None, "the line is not a JSON-RPC 2.0 request");
    };
    if matches!(&message.id, Some(Id::Text(text)) if text.len() > ID_MAX) {
        return bad(None, "the request's id is longer than 64 bytes");
    }
    if message.jsonrpc.as_deref() != Some("2.0") {
        return bad(message.id, "the request lacks \"jsonrpc\":\"2.0\"");
    }
    if message.result.is_some() || message.error.is_some() {
        return bad(message.id, "the line is an answer, not a request");
    }
    match (message.id, message.method) {
        (Some(id), Some(method)) => {
            Ok(Request { id, method, params: message.params.map(RawValue::to_owned) })
        }
        (id @ Some(_), None) => bad(id, "the request names no method"),
        (None, _) => bad(None, "the request has no id"),
    }
}

#[derive(Serialize)]
struct Out<'a, P, R> {
    jsonrpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<P>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<R>,
}

#[derive(Serialize)]
struct OutError<'a> {
    jsonrpc: &'static str,
    id: Option<&'a Id>,
    error: &'a Failure,
}

fn line<T: Serialize>(message: &T) -> Result<String, Failure> {
    let mut text = serde_json::to_string(message)
        .map_err(|error| Failure::new(Code::Internal, format!("cannot write a message as JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}

/// A request as a line with its line end.
///
/// # Errors
/// [`Code::RequestTooLarge`] when the daemon would refuse its length.
pub fn request_line<A: Ask>(id: &Id, ask: &A) -> Result<String, Failure> {
    let method = Some(A::METHOD.as_str());
    let text = line(&Out { jsonrpc: "2.0", id: Some(id), method, params: Some(ask), result: None::<()> })?;
    if text.len() > REQUEST_MAX {
        return Err(Failure::new(
            Code::RequestTooLarge,
            format!("the request has {} bytes, more than the daemon takes ({REQUEST_MAX})", text.len()),
        ));
    }
    Ok(text)
}

/// A notification as a line with its line end.
///
/// # Errors
/// [`Code::Internal`] when the parameters cannot be written as JSON.
pub fn notification_line<P: Serialize>(method: &str, params: &P) -> Result<String, Failure> {
    line(&Out { jsonrpc: "2.0", id: None, method: Some(method), params: Some(params), result: None::<()> })
}

/// The lines that answer a request: one, or parts and a result that counts them.
///
/// # Errors
/// [`Code::Internal`] when the result cannot be written as JSON.
pub fn answer_lines<R: Serialize>(id: &Id, result: &R) -> Result<Vec<String>, Failure> {
    let json = to_raw_value(result)
        .map_err(|error| Failure::new(Code::Internal, format!("cannot write an answer as JSON: {error}")))?;
    let answer = |result: &RawValue| {
        line(&Out { jsonrpc: "2.0", id: Some(id), method: None, params: None::<()>, result: Some(result) })
    };
    if json.get().len() <= PIECE_MAX {
        return Ok(vec![answer(&json)?]);
    }
    let mut lines = Vec::new();
    for (seq, text) in (0_u64..).zip(split(json.get())) {
        lines.push(notification_line(event::PART, &Part { id: id.clone(), seq, text: text.to_owned() })?);
    }
    let parts = Parts { parts: lines.len() as u64 };
    lines.push(line(&Out {
        jsonrpc: "2.0",
        id: Some(id),
        method: None,
        params: None::<()>,
        result: Some(parts),
    })?);
    Ok(lines)
}

/// A failed request's answer as a line with its line end; a null id when none could be read.
pub fn failure_line(id: Option<&Id>, failure: &Failure) -> String {
    line(&OutError { jsonrpc: "2.0", id, error: failure }).unwrap_or_default()
}

/// Cuts text between characters into pieces that have at most [`PIECE_MAX`] bytes as JSON strings.
fn split(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let mut room = PIECE_MAX;
        let end = text.char_indices().find_map(|(at, c)| match room.checked_sub(escaped_len(c)) {
            Some(left) => {
                room = left;
                None
            }
            None => Some(at),
        });
        let (piece, rest) = text.split_at(end.unwrap_or(text.len()));
        text = rest;
        Some(piece)
    })
}

const fn escaped_len(c: char) -> usize {
    match c {
        '"' | '\\' => 2,
        '\0'..='\x1f' => 6,
        _ => c.len_utf8(),
    }
}

/// A line from the daemon.
#[derive(Debug)]
pub enum Incoming {
    /// A request is finished.
    Answer {
        /// Which one; null when the daemon could not read it.
        id: Option<Id>,
        /// Its result as JSON, or why there is none.
        outcome: Result<Box<RawValue>, Failure>,
    },
    /// Something on the way there.
    Event(Event),
    /// A notification this version does not know, to be passed over.
    Unknown,
}

/// Reads one line from the daemon.
///
/// # Errors
/// [`Code::BadRequest`] when it is not a message of this protocol.
pub fn read_incoming(line: &[u8]) -> Result<Incoming, Failure> {
    let bad = || Failure::new(Code::BadRequest, "the daemon sent a line that is not of this protocol");
    let message: RawMessage<'_> = serde_json::from_slice(line).map_err(|_| bad())?;
    if message.jsonrpc.as_deref() != Some("2.0") {
        return Err(bad());
    }
    if let Some(failure) = message.error {
        return Ok(Incoming::Answer { id: message.id, outcome: Err(failure) });
    }
    if let Some(result) = message.result {
        return Ok(Incoming::Answer { id: message.id, outcome: Ok(result.to_owned()) });
    }
    let (Some(method), Some(params)) = (message.method, message.params) else {
        return Err(bad());
    };
    let event = match method.as_str() {
        event::PROGRESS => serde_json::from_str(params.get()).map(Event::Progress),
        event::PART => serde_json::from_str(params.get()).map(Event::Part),
        event::PLAN => serde_json::from_str(params.get()).map(Event::Plan),
        event::STATUS_EVENT => {
            serde_json::from_str(params.get()).map(|status| Event::Status(Box::new(status)))
        }
        _ => return Ok(Incoming::Unknown),
    };
    event.map(Incoming::Event).map_err(|_| bad())
}

/// Puts the parts of one answer together again.
#[derive(Debug, Default)]
pub struct Joiner {
    text: String,
    seen: u64,
}

impl Joiner {
    /// Takes the next part.
    ///
    /// # Errors
    /// [`Code::BadRequest`] when it is not the next one, or there is more text than `limit` bytes.
    pub fn push(&mut self, part: &Part, limit: usize) -> Result<(), Failure> {
        if part.seq != self.seen {
            return Err(Failure::new(Code::BadRequest, "the daemon's answer has a gap"));
        }
        if self.text.len() + part.text.len() > limit {
            return Err(Failure::new(Code::BadRequest, "the daemon's answer is too long"));
        }
        self.text.push_str(&part.text);
        self.seen += 1;
        Ok(())
    }

    /// The whole answer, given the final result: joined parts, or the result itself.
    ///
    /// # Errors
    /// [`Code::BadRequest`] when parts are missing or the JSON is not the expected type.
    pub fn finish<R: DeserializeOwned>(self, result: &RawValue) -> Result<R, Failure> {
        let text = if self.seen == 0 {
            result.get()
        } else {
            match serde_json::from_str::<Parts>(result.get()) {
                Ok(Parts { parts }) if parts == self.seen => &self.text,
                _ => return Err(Failure::new(Code::BadRequest, "the daemon's answer is incomplete")),
            }
        };
        serde_json::from_str(text)
            .map_err(|_| Failure::new(Code::BadRequest, "the daemon's answer is not what was asked for"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn bad(line: &str) -> (Option<Id>, Code) {
        let bad = read_request(line.as_bytes()).unwrap_err();
        (bad.id, bad.failure.code)
    }

    #[test]
    fn reads_a_request() {
        let request = read_request(br#"{"jsonrpc":"2.0","id":"a","method":"m","params":{"x":1}}"#).unwrap();
        assert_eq!((request.id, request.method.as_str()), (Id::Text("a".into()), "m"));
        assert_eq!(request.params.unwrap().get(), r#"{"x":1}"#);
        assert!(read_request(br#" {"id":1,"method":"m","jsonrpc":"2.0"} "#).unwrap().params.is_none());
    }

    #[test]
    fn refuses_what_is_no_request_and_keeps_its_id_where_it_can() {
        let one = Some(Id::Number(1));
        for line in
            ["", "x", "{", "[]", "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}]", "{}", "\"x\"", "1"]
        {
            assert_eq!(bad(line), (None, Code::BadRequest), "{line}");
        }
        for line in [
            r#"{"id":1,"method":"m"}"#,
            r#"{"jsonrpc":"1.0","id":1,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        ] {
            assert_eq!(bad(line), (one.clone(), Code::BadRequest), "{line}");
        }
        for id in ["null", "1.5", "-1", "[]", &format!("\"{}\"", "x".repeat(65))] {
            assert_eq!(
                bad(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#)).1,
                Code::BadRequest,
                "{id}"
            );
        }
        assert_eq!(bad(&" ".repeat(REQUEST_MAX + 1)), (None, Code::RequestTooLarge));
        assert!(read_request(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}").is_err());
    }

    #[test]
    fn a_failure_without_id_says_null() {
        let line = failure_line(None, &Failure::new(Code::BadRequest, "no"));
        assert!(line.starts_with(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"#), "{line}");
        let Incoming::Answer { id: None, outcome: Err(failure) } = read_incoming(line.as_bytes()).unwrap()
        else {
            panic!("not an answer: {line}");
        };
        assert_eq!(failure.code, Code::BadRequest);
    }

    #[test]
    fn parts_out_of_order_missing_or_too_many_are_refused() {
        let part = |seq| Part { id: Id::Number(1), seq, text: "x".into() };
        assert!(Joiner::default().push(&part(1), 9).is_err());
        let mut joiner = Joiner::default();
        joiner.push(&part(0), 2).unwrap();
        joiner.push(&part(1), 2).unwrap();
        assert!(joiner.push(&part(1), 9).is_err());
        assert!(joiner.push(&part(2), 2).is_err());
        let three = to_raw_value(&Parts { parts: 3 }).unwrap();
        assert!(joiner.finish::<Value>(&three).is_err());
    }

    fn json() -> impl Strategy<Value = Value> {
        // Quotes, backslashes and control characters grow when escaped, up to twelve-fold.
        let piece = prop_oneof![
            "[a-zü\"\\\\\\x00-\\x1f🙂]{0,40}",
            Just("\"\\".repeat(500)),
            Just("\u{1}".repeat(300))
        ];
        (piece, 0_usize..400).prop_map(|(text, times)| Value::from(text.repeat(times)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn what_is_split_is_joined_again(value in json(), id in prop_oneof![
            any::<u64>().prop_map(Id::Number),
            "[\\x00-\\x7f]{0,64}".prop_map(Id::Text),
        ]) {
            let lines = answer_lines(&id, &value).unwrap();
            let mut joiner = Joiner::default();
            let mut joined = None;
            for line in &lines {
                prop_assert!(line.len() <= PART_MAX);
                prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
                match read_incoming(line.as_bytes()).unwrap() {
                    Incoming::Event(Event::Part(part)) => {
                        prop_assert_eq!(&part.id, &id);
                        joiner.push(&part, usize::MAX).unwrap();
                    }
                    Incoming::Answer { outcome: Ok(result), .. } => {
                        joined = Some(std::mem::take(&mut joiner).finish::<Value>(&result).unwrap());
                    }
                    other => prop_assert!(false, "{:?}", other),
                }
            }
            prop_assert_eq!(joined, Some(value));
        }

        #[test]
        fn no_line_makes_either_reader_panic(line in "\\PC{0,80}|[{}\\[\\]\":,a-z0-9.]{0,60}") {
            let _ = read_request(line.as_bytes());
            let _ = read_incoming(line.as_bytes());
        }
    }
}
