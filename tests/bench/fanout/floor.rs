//! The least that sending can cost: the writes alone, eight at a time, over connections that stay open. No
//! look at what is there, no memory, no retry, no process to start.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// How many writes are in flight.
const AT_ONCE: usize = 8;

/// One connection to a server that answers with a length.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    pub(super) fn open(url: &str) -> Self {
        let host = url.strip_prefix("http://").expect("a local address").to_owned();
        let stream = TcpStream::connect(&host).expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        Self { stream: BufReader::new(stream), host }
    }

    /// The host with its port, as a signature names it.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Sends one request that has to succeed; the body of the answer.
    pub(super) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Vec<u8> {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nuser-agent: floor\r\ncontent-length: {}\r\n",
            self.host,
            body.len()
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat()).expect("the server reads");
        self.answer(method, path)
    }

    fn answer(&mut self, method: &str, path: &str) -> Vec<u8> {
        let (mut status, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("the server answers");
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if status.is_empty() {
                status.clone_from(&line);
            } else if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a whole answer");
        assert!(status.starts_with("http/1.1 2"), "{method} {path}: {status}");
        body
    }
}

/// Does `write` for every value, each worker with a connection of its own.
pub(super) fn each(
    url: &str,
    values: &[(String, String)],
    write: impl Fn(&mut Connection, &str, &str) + Sync,
) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let mut connection = Connection::open(url);
                while let Some((name, value)) = values.get(next.fetch_add(1, Ordering::Relaxed)) {
                    write(&mut connection, name, value);
                }
            });
        }
    });
}
