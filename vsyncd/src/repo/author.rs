//! Who acts, for the audit rows.

use std::net::UdpSocket;
use std::path::Path;

use vsync_core::format::audit::{Action, Meta, Row};
use vsync_core::version::Version;

use super::remote::now_ms;
use crate::config::paths::Paths;
use crate::config::worktree::Worktree;

/// The machine and the person, as audit rows name them.
#[derive(Debug, Clone, Default)]
pub struct Author {
    hostname: String,
    os_user: String,
    git_email: String,
}

impl Author {
    /// Finds out; what cannot be found out stays empty.
    pub fn find(root: &Path, paths: &Paths) -> Self {
        let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let named = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        let uid = rustix::process::getuid();
        let os_user =
            named.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("uid {}", uid.as_raw()));
        let email =
            Worktree::find(root).ok().and_then(|tree| tree.user_email(&paths.home, &paths.xdg_config));
        Self { hostname, os_user, git_email: email.unwrap_or_default() }
    }

    /// A row for something done now.
    pub fn row(&self, action: Action, version: Option<Version>, meta: Meta) -> Row {
        Row {
            ts: now_ms(),
            action,
            version,
            hostname: self.hostname.clone(),
            local_ip: local_ip().unwrap_or_default(),
            os_user: self.os_user.clone(),
            git_email: self.git_email.clone(),
            vsync_version: env!("CARGO_PKG_VERSION").to_owned(),
            meta,
        }
    }
}

/// The address this machine would use to reach others. Nothing is sent: connecting a datagram
/// socket only asks the routing table.
pub fn local_ip() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}
