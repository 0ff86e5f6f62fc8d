//! Accepting clients: as many as there is room for, the oldest idle one making way for the next.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::traits::tokio::Listener as _;
use interprocess::local_socket::{GenericFilePath, ListenerOptions, ToFsName as _};
use serde_json::value::RawValue;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use vsync_proto::codec;
use vsync_proto::error::{Code, Failure};
use vsync_proto::request::Call;

use super::connection::{self, Outbox};
use super::peer;
use crate::tasks::Tasks;

/// How many clients are served at a time.
const CLIENTS_MAX: usize = 256;

/// What answers the methods.
#[async_trait::async_trait]
pub trait Service: Send + Sync + 'static {
    /// Does what the call asks and gives the result's JSON. `out` takes notifications meanwhile.
    /// Dropping the future means that the client has left.
    async fn call(&self, call: Call, out: &Outbox) -> Result<Box<RawValue>, Failure>;
}

/// One client, as the server sees it.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// A request of it is being worked on.
    pub(super) busy: AtomicBool,
    /// When it was last heard, as a count of events of all clients.
    pub(super) heard: AtomicU64,
    /// Cancelled when it has to make way.
    pub(super) leave: CancellationToken,
}

/// The clients that are connected.
#[derive(Debug, Default)]
pub(super) struct Clients {
    list: Mutex<BTreeMap<u64, Arc<Client>>>,
    clock: AtomicU64,
}

impl Clients {
    /// Notes that a client was heard.
    pub(super) fn heard(&self, client: &Client) {
        client.heard.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Sends the oldest idle client away; `None` when everybody is busy.
    fn make_way(list: &mut BTreeMap<u64, Arc<Client>>) -> Option<()> {
        let idle = list.iter().filter(|(_, client)| !client.busy.load(Ordering::Relaxed));
        let oldest = idle.min_by_key(|(_, client)| client.heard.load(Ordering::Relaxed));
        let number = *oldest?.0;
        if let Some(client) = list.remove(&number) {
            client.leave.cancel();
        }
        Some(())
    }

    /// Sends the oldest idle client away, so that its descriptor is free.
    fn shrink(&self) {
        let _ = Self::make_way(&mut self.list.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Makes room for one more; `None` when everybody is busy.
    fn enter(&self) -> Option<(u64, Arc<Client>)> {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() >= CLIENTS_MAX {
            Self::make_way(&mut list)?;
        }
        let number = self.clock.fetch_add(1, Ordering::Relaxed);
        let client = Arc::new(Client::default());
        client.heard.store(number, Ordering::Relaxed);
        list.insert(number, Arc::clone(&client));
        Some((number, client))
    }

    fn left(&self, number: u64) {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    /// True when nobody is connected.
    pub(super) fn is_empty(&self) -> bool {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// Clients that cannot be accepted, several in a row.
#[derive(Debug, Default)]
struct Trouble(u32);

impl Trouble {
    /// How long to wait before the next try, ever longer up to a second. Told once, not each time: the log
    /// may be what fills the disk.
    fn after(&mut self, error: &io::Error) -> Duration {
        if self.0 == 0 {
            tracing::warn!(%error, "cannot accept a client");
        }
        self.0 = (self.0 + 1).min(8);
        Duration::from_millis(4 << self.0)
    }
}

/// The listening socket. Its file goes when it is dropped.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    listener: Mutex<Arc<Listener>>,
    rebound: Notify,
    clients: Arc<Clients>,
}

impl Server {
    /// Binds the socket with mode 0600. The folder must be private already, and the caller must
    /// hold the daemon's lock: a socket file that is in the way is taken for a dead one.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let listener = Mutex::new(Arc::new(listen(path)?));
        Ok(Self { path: path.to_owned(), listener, rebound: Notify::new(), clients: Arc::default() })
    }

    /// Binds the socket again after its file vanished. Clients that are connected stay.
    ///
    /// # Errors
    /// What the system says.
    pub fn rebind(&self) -> io::Result<()> {
        // The runtime folder goes as a whole when its user logs out.
        if let Some(folder) = self.path.parent() {
            crate::disk::atomic::create_private_dirs(folder)?;
        }
        let listener = Arc::new(listen(&self.path)?);
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = listener;
        self.rebound.notify_one();
        Ok(())
    }

    /// Serves clients until the tasks are stopped.
    pub async fn serve(&self, service: Arc<dyn Service>, tasks: &Tasks) {
        let stop = tasks.stopping();
        let mut trouble = Trouble::default();
        loop {
            let listener = Arc::clone(&self.listener.lock().unwrap_or_else(PoisonError::into_inner));
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                () = self.rebound.notified() => continue,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(stream) => {
                    trouble = Trouble::default();
                    self.welcome(stream, &service, tasks);
                }
                Err(error) => {
                    // Out of descriptors, most likely.
                    self.clients.shrink();
                    tokio::time::sleep(trouble.after(&error)).await;
                }
            }
        }
    }

    /// Whether nobody is connected.
    pub fn is_idle(&self) -> bool {
        self.clients.is_empty()
    }

    fn welcome(&self, stream: Stream, service: &Arc<dyn Service>, tasks: &Tasks) {
        let refusal = peer::admit(&stream).err();
        let place = if refusal.is_none() { self.clients.enter() } else { None };
        let Some((number, client)) = place else {
            let busy = || Failure::new(Code::Busy, "the daemon serves as many clients as it can");
            let failure = refusal.unwrap_or_else(busy);
            tasks.spawn("refusal", refuse(stream, failure));
            return;
        };
        let clients = Arc::clone(&self.clients);
        let service = Arc::clone(service);
        let stop = tasks.stopping();
        tasks.spawn("client", async move {
            tokio::select! {
                () = connection::converse(stream, service, &clients, &client, &stop) => {}
                () = client.leave.cancelled() => {}
            }
            clients.left(number);
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Another daemon cannot have bound it: the lock is still held.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn listen(path: &Path) -> io::Result<Listener> {
    // A daemon with another state folder may live there: a dead socket is replaced, a live one
    // never.
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another daemon answers there"));
    }
    let name = path.to_fs_name::<GenericFilePath>()?;
    // The file is removed by the server, not by a listener that was replaced.
    private(ListenerOptions::new().name(name).try_overwrite(true).reclaim_name(false))
}

#[cfg(not(target_os = "macos"))]
fn private(options: ListenerOptions<'_>) -> io::Result<Listener> {
    use interprocess::os::unix::local_socket::ListenerOptionsExt as _;
    options.mode(0o600).create_tokio()
}

/// The mode cannot be set before the bind there; the private folder protects.
#[cfg(target_os = "macos")]
fn private(options: ListenerOptions<'_>) -> io::Result<Listener> {
    options.create_tokio()
}

async fn refuse(mut stream: Stream, failure: Failure) {
    let line = codec::failure_line(None, &failure);
    // A peer that does not listen to its refusal misses it.
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(line.as_bytes())).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_that_stays_shut_is_tried_ever_more_slowly() {
        let (mut trouble, error) = (Trouble::default(), io::Error::other("no descriptor"));
        let waits: Vec<_> = (0..20).map(|_| trouble.after(&error)).collect();
        assert!(waits.is_sorted() && waits[0] < Duration::from_millis(50));
        let longest = waits[19];
        assert!(longest > Duration::from_millis(500) && longest < Duration::from_secs(2), "{longest:?}");
    }
}
