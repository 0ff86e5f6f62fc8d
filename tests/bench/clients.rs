//! How long the next client waits while others crowd the socket.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use vsync_tests::machine::Machine;

use crate::table::Line;

/// Connections that say nothing.
const IDLE: usize = 1000;
/// Clients that send nonsense without pause.
const GARBAGE: usize = 4;
/// Clients that are timed.
const CLIENTS: usize = 100;
/// What the next client may wait for its answer.
const AT_MOST: Duration = Duration::from_millis(100);

const HELLO: &str =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"hello\",\"params\":{\"protocol\":1,\"client\":\"bench\"}}\n";
const STATUS: &str = "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"status\",\"params\":{\"all\":true}}\n";

/// From connecting to the answer of `status`.
fn served(socket: &Path) -> Duration {
    let begun = Instant::now();
    let mut stream = UnixStream::connect(socket).expect("the socket accepts");
    stream.write_all(HELLO.as_bytes()).expect("the daemon listens");
    stream.write_all(STATUS.as_bytes()).expect("the daemon listens");
    let mut lines = BufReader::new(stream).lines();
    let answer = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("\"id\":2")));
    assert!(answer.is_some(), "the next client was not served");
    begun.elapsed()
}

fn nonsense(socket: &Path, stop: &AtomicBool) {
    let lines: [Vec<u8>; 3] = [vec![0xff; 4096], vec![b'['; 1 << 20], b"{\"jsonrpc\":\n".to_vec()];
    for line in lines.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(mut stream) = UnixStream::connect(socket) {
            let _ = stream.write_all(line).and_then(|()| stream.write_all(b"\n"));
        }
    }
}

/// The next client with nobody around, and in a crowd.
pub(crate) fn next_client() -> Vec<Line> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .expect("room for many connections");
    let mut machine = Machine::new("ann");
    machine.start();
    let socket = machine.socket();
    let alone = (0..CLIENTS).map(|_| served(&socket)).collect();
    let idle: Vec<UnixStream> =
        (0..IDLE).map(|_| UnixStream::connect(&socket).expect("the socket accepts")).collect();
    let beside_idle = (0..CLIENTS).map(|_| served(&socket)).collect();
    let stop = AtomicBool::new(false);
    let crowded = thread::scope(|scope| {
        for _ in 0..GARBAGE {
            scope.spawn(|| nonsense(&socket, &stop));
        }
        let times = (0..CLIENTS).map(|_| served(&socket)).collect();
        stop.store(true, Ordering::Relaxed);
        times
    });
    drop(idle);
    vec![
        Line::figure("a client alone", alone),
        Line::at_worst("a client beside 1000 idle ones", beside_idle, AT_MOST),
        Line::at_worst("a client beside 1000 idle and 4 nonsensical ones", crowded, AT_MOST),
    ]
}
