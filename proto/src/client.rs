//! A small blocking client, for `vsyncctl` and other Rust programs.
//!
//! One request at a time: [`Client::call`] sends it, hands progress to a closure and returns the
//! result. [`Client::subscribe`] turns the connection into an iterator of status events.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use interprocess::ConnectWaitMode;
use interprocess::local_socket::traits::{Stream as _, StreamCommon as _};
use interprocess::local_socket::{ConnectOptions, GenericFilePath, Stream, ToFsName};
use serde_json::value::RawValue;

use crate::codec::{self, Id, Incoming, Joiner, LINE_MAX};
use crate::error::{Code, Failure};
use crate::event::{Event, Plan, Progress, StatusEvent};
use crate::hello::{self, Hello, HelloResult, PROTOCOL};
use crate::request::{Ask, Subscribe};

/// How long a daemon may take to accept and to answer `hello`.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a daemon may leave a request unread.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is put together from parts.
const ANSWER_MAX: usize = 1 << 30;

/// A connection on which `hello` has been answered.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<Stream>,
    next_id: u64,
    hello: HelloResult,
}

/// Why there is no connection.
#[derive(Debug)]
pub struct ConnectError {
    /// True when nothing listens on the socket, so that starting a daemon can help.
    pub nobody_there: bool,
    /// The failure to report.
    pub failure: Failure,
}

impl Client {
    /// Connects and says hello. `name` is the program's name and version, for the daemon's log.
    ///
    /// # Errors
    /// [`Code::DaemonUnreachable`] when nothing listens, or what listens does not answer within
    /// [`HELLO_TIMEOUT`]; [`Code::ProtocolMismatch`]; whatever the daemon refuses the client with.
    pub fn connect(socket: &Path, name: &str) -> Result<Self, ConnectError> {
        Self::connect_within(socket, name, HELLO_TIMEOUT)
    }

    /// As [`Client::connect`] with another limit of time.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub fn connect_within(socket: &Path, name: &str, limit: Duration) -> Result<Self, ConnectError> {
        let failed = |failure| ConnectError { nobody_there: false, failure };
        let deadline = Instant::now() + limit;
        let id = Id::Number(0);
        let hello = Hello { protocol: PROTOCOL, client: name.to_owned() };
        let first_line = codec::request_line(&id, &hello).map_err(failed)?;
        let stream = open(socket, &first_line, deadline).map_err(|error| ConnectError {
            nobody_there: nobody_there(&error),
            failure: lost(socket, &error),
        })?;
        let nothing = HelloResult { protocol: PROTOCOL, daemon_version: String::new(), pid: 0 };
        let mut client = Self { reader: BufReader::new(stream), next_id: 0, hello: nothing };
        client.hear_hello(&id, deadline).map_err(|mut failure| {
            if failure.code == Code::DaemonUnreachable {
                failure.causes.push(format!("socket {}", socket.display()));
            }
            failed(failure)
        })?;
        Ok(client)
    }

    fn hear_hello(&mut self, id: &Id, deadline: Instant) -> Result<(), Failure> {
        self.hello = self.answer::<Hello>(id, Some(deadline), &mut |_| {})?;
        hello::check(PROTOCOL, self.hello.protocol)?;
        let unlimited = self.reader.get_ref().set_recv_timeout(None);
        unlimited.map_err(|error| broken("cannot set up the connection to the daemon", &error))
    }

    /// The user that the daemon runs as, where the system tells.
    pub fn daemon_uid(&self) -> Option<u32> {
        self.reader.get_ref().peer_creds().ok()?.euid()
    }

    /// What the daemon said of itself.
    pub const fn hello(&self) -> &HelloResult {
        &self.hello
    }

    /// Sends a request and waits for its result, however long the work takes.
    ///
    /// # Errors
    /// The daemon's failure; [`Code::DaemonUnreachable`] when it leaves before the result.
    pub fn call<A: Ask>(
        &mut self,
        ask: &A,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<A::Answer, Failure> {
        self.call_hearing(ask, &mut |event| {
            if let Event::Progress(step) = event {
                progress(step);
            }
        })
    }

    /// As [`Client::call`], with everything that the daemon tells on the way.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn call_hearing<A: Ask>(
        &mut self,
        ask: &A,
        hear: &mut dyn FnMut(&Event),
    ) -> Result<A::Answer, Failure> {
        let id = self.send(ask)?;
        self.answer::<A>(&id, None, hear)
    }

    /// Subscribes to status events; the iterator ends when the daemon ends the stream.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn subscribe(mut self, ask: &Subscribe) -> Result<Subscription, Failure> {
        let id = self.send(ask)?;
        Ok(Subscription { client: self, id, ended: false })
    }

    fn send<A: Ask>(&mut self, ask: &A) -> Result<Id, Failure> {
        self.next_id += 1;
        let id = Id::Number(self.next_id);
        let line = codec::request_line(&id, ask)?;
        self.reader
            .get_mut()
            .write_all(line.as_bytes())
            .map_err(|error| broken("the request could not be sent to the daemon", &error))?;
        Ok(id)
    }

    fn answer<A: Ask>(
        &mut self,
        id: &Id,
        deadline: Option<Instant>,
        hear: &mut dyn FnMut(&Event),
    ) -> Result<A::Answer, Failure> {
        let mut joiner = Joiner::default();
        loop {
            match self.next(id, deadline)? {
                Step::Done(result) => return joiner.finish(&result),
                Step::Event(event) if is_about(&event, id) => hear(&event),
                Step::Event(Event::Part(part)) if part.id == *id => joiner.push(&part, ANSWER_MAX)?,
                Step::Event(_) => {}
            }
        }
    }

    /// The next message that matters for this request.
    fn next(&mut self, id: &Id, deadline: Option<Instant>) -> Result<Step, Failure> {
        loop {
            let line = self.read_line(deadline)?;
            match codec::read_incoming(&line)? {
                // A null id answers a line the daemon could not read: it can only be ours.
                Incoming::Answer { id: of, outcome } if of.is_none() || of.as_ref() == Some(id) => {
                    return outcome.map(Step::Done);
                }
                Incoming::Event(event) => return Ok(Step::Event(event)),
                Incoming::Answer { .. } | Incoming::Unknown => {}
            }
        }
    }

    fn read_line(&mut self, deadline: Option<Instant>) -> Result<Vec<u8>, Failure> {
        let mut line = Vec::new();
        loop {
            if let Some(deadline) = deadline {
                self.limit_read(deadline)?;
            }
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if timed_out(&error) => return Err(silent()),
                Err(error) => return Err(broken("the connection to the daemon broke", &error)),
            };
            if chunk.is_empty() {
                return Err(Failure::new(
                    Code::DaemonUnreachable,
                    "the daemon closed the connection without an answer",
                )
                .hint("its log says why; vsyncctl daemon status shows where the log is"));
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(chunk.len());
            if line.len() + taken > LINE_MAX {
                return Err(Failure::new(Code::BadRequest, "the daemon sent a line that is too long"));
            }
            line.extend_from_slice(&chunk[..taken]);
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                // A daemon that stops sends empty lines to find out whether somebody still waits.
                if !line.trim_ascii().is_empty() {
                    return Ok(line);
                }
                line.clear();
            }
        }
    }

    /// Lets the next read wait until the deadline and no longer, however slowly bytes drip in.
    fn limit_read(&self, deadline: Instant) -> Result<(), Failure> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(silent());
        }
        let limited = self.reader.get_ref().set_recv_timeout(Some(left));
        limited.map_err(|error| broken("cannot set up the connection to the daemon", &error))
    }
}

/// Whether the event tells how far this request is.
fn is_about(event: &Event, id: &Id) -> bool {
    match event {
        Event::Progress(Progress { id: of, .. }) | Event::Plan(Plan { id: of, .. }) => of == id,
        Event::Part(_) | Event::Status(_) => false,
    }
}

enum Step {
    Done(Box<RawValue>),
    Event(Event),
}

/// Status events as they come.
#[derive(Debug)]
pub struct Subscription {
    client: Client,
    id: Id,
    ended: bool,
}

impl Iterator for Subscription {
    type Item = Result<StatusEvent, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.client.next(&self.id, None) {
                Ok(Step::Event(Event::Status(event))) => return Some(Ok(*event)),
                Ok(Step::Event(_)) => {}
                Ok(Step::Done(_)) => self.ended = true,
                Err(failure) => {
                    self.ended = true;
                    return Some(Err(failure));
                }
            }
        }
        None
    }
}

/// Connects and sends the first line without waiting for ever: a daemon whose queue of new
/// connections is full is asked again until the deadline.
fn open(socket: &Path, first_line: &str, deadline: Instant) -> io::Result<Stream> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match try_open(socket, first_line, left) {
            Err(error) if queue_full(&error) && !left.is_zero() => {
                std::thread::sleep(left.min(Duration::from_millis(10)));
            }
            outcome => return outcome,
        }
    }
}

fn try_open(socket: &Path, first_line: &str, limit: Duration) -> io::Result<Stream> {
    let name = socket.to_fs_name::<GenericFilePath>()?;
    let wait = ConnectWaitMode::Timeout(limit);
    let mut stream = ConnectOptions::new().name(name).wait_mode(wait).connect_sync()?;
    stream.set_send_timeout(Some(SEND_TIMEOUT))?;
    match stream.write_all(first_line.as_bytes()) {
        // It may have said why before it hung up.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(stream),
        outcome => outcome.map(|()| stream),
    }
}

/// The system could not queue the connection: it says so at once, or leaves a socket that is
/// connected to nothing.
fn queue_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}

fn nobody_there(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn lost(socket: &Path, error: &io::Error) -> Failure {
    let cause = format!("socket {}: {error}", socket.display());
    let text = if nobody_there(error) {
        "no daemon is running"
    } else if timed_out(error) || queue_full(error) {
        "the daemon does not take new connections"
    } else {
        "cannot connect to the daemon"
    };
    Failure::new(Code::DaemonUnreachable, text).cause(cause)
}

fn broken(text: &str, error: &io::Error) -> Failure {
    Failure::new(Code::DaemonUnreachable, text).cause(error.to_string())
}

fn silent() -> Failure {
    Failure::new(Code::DaemonUnreachable, "something accepts connections on the socket but does not answer")
        .hint("a stuck daemon: look at its log, end the process, and run the command again")
}
