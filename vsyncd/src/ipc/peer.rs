//! Who is on the other end.

use interprocess::local_socket::traits::StreamCommon as _;
use vsync_proto::error::{Code, Failure};

use interprocess::local_socket::tokio::Stream;

/// Lets the user's own processes and root in, nobody else. A peer that the system does not
/// describe is refused.
///
/// # Errors
/// [`Code::PeerRefused`] with the uid that asked.
pub fn admit(stream: &Stream) -> Result<(), Failure> {
    let own = rustix::process::geteuid().as_raw();
    let peer = stream.peer_creds().ok().and_then(|creds| creds.euid());
    match peer {
        Some(uid) if uid == own || uid == 0 => Ok(()),
        Some(uid) => {
            let text = format!("this daemon belongs to uid {own}; uid {uid} may not speak to it");
            Err(Failure::new(Code::PeerRefused, text).hint("start a daemon of your own"))
        }
        None => Err(Failure::new(Code::PeerRefused, "the system does not say who connects")),
    }
}
