//! Whatever a client does, the next one is served.

#[cfg(target_os = "linux")]
mod detached;
mod misfits;
mod others;
mod vanishing;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};
use vsync_tests::machine::Machine;
use vsync_tests::wait::DEADLINE;

/// A client that may say anything.
struct Raw(BufReader<UnixStream>);

impl Raw {
    fn connect(machine: &Machine) -> Self {
        let stream = UnixStream::connect(machine.socket()).expect("the socket accepts");
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Self(BufReader::new(stream))
    }

    /// A client that has said hello and was greeted.
    fn greeted(machine: &Machine) -> Self {
        let mut raw = Self::connect(machine);
        raw.ask(0, "hello", &json!({"protocol": 1, "client": "test"}));
        assert_eq!(raw.line().unwrap()["result"]["protocol"], 1);
        raw
    }

    /// Sends bytes; false when the daemon has hung up.
    fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.get_mut().write_all(bytes).is_ok()
    }

    fn ask(&mut self, id: u64, method: &str, params: &Value) {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        assert!(self.send(format!("{request}\n").as_bytes()), "the daemon hung up");
    }

    fn half_close(&self) {
        self.0.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// The next line that is not empty; `None` when the daemon has hung up.
    fn line(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) if line.trim().is_empty() => {}
                Ok(_) => return Some(serde_json::from_str(&line).expect("the daemon says JSON")),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("the daemon neither answers nor hangs up: {error}"),
            }
        }
    }

    /// The code of the failure that comes next.
    fn refusal(&mut self) -> String {
        let line = self.line().expect("a refusal");
        line["error"]["data"]["code"].as_str().unwrap_or_else(|| panic!("no failure: {line}")).to_owned()
    }
}

/// A machine whose daemon runs.
fn running() -> Machine {
    let mut machine = Machine::new("ann");
    machine.start();
    machine
}

fn assert_serves(machine: &Machine, after: &str) {
    let ran = machine.ctl(&["status"]);
    assert_eq!(ran.code, 0, "after {after}: {ran:?}");
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn the_socket_is_private() {
    let machine = running();
    assert_eq!(mode(&machine.socket()), 0o600);
    assert_eq!(mode(machine.socket().parent().unwrap()), 0o700);
}

/// As `socat` with a here-document: everything is sent, the sending side is closed, then it
/// reads.
#[test]
fn a_client_that_closes_its_sending_side_is_answered() {
    let machine = running();
    let mut raw = Raw::connect(&machine);
    raw.ask(1, "hello", &json!({"protocol": 1, "client": "shell"}));
    raw.ask(2, "status", &json!({"all": true}));
    raw.half_close();
    let mut answers = [raw.line().unwrap(), raw.line().unwrap()];
    answers.sort_by_key(|answer| answer["id"].as_u64());
    assert_eq!(answers[0]["result"]["protocol"], 1);
    assert!(answers[1]["result"]["pairs"].is_array(), "{}", answers[1]);
    assert_eq!(raw.line(), None, "the daemon hangs up after the last answer");
}
