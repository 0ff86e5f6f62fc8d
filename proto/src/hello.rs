//! The first message of every connection.

use serde::{Deserialize, Serialize};

use crate::error::{Code, Failure};

/// The protocol this crate speaks. It changes when an old client could misread a new daemon, or
/// the other way round.
pub const PROTOCOL: u32 = 1;

/// Opens the conversation; the daemon answers nothing else before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// The protocol the client speaks: [`PROTOCOL`].
    pub protocol: u32,
    /// Name and version of the client, for the daemon's log: `vsyncctl 0.1.0`.
    pub client: String,
}

/// The daemon's answer to [`Hello`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloResult {
    /// The protocol the daemon speaks.
    pub protocol: u32,
    /// The daemon's version.
    pub daemon_version: String,
    /// The daemon's process id.
    pub pid: u32,
}

/// Compares the protocol numbers of both ends, whichever end asks.
///
/// # Errors
/// [`Code::ProtocolMismatch`] when they differ, saying which side is older and what to do.
pub fn check(client: u32, daemon: u32) -> Result<(), Failure> {
    if client == daemon {
        return Ok(());
    }
    let message = format!("the daemon speaks protocol {daemon}, this client speaks protocol {client}");
    let hint = if client > daemon {
        "the running daemon is older than the client: stop it (vsyncctl of its version, or by its process id) \
         and run the command again"
    } else {
        "the client is older than the running daemon: update vsyncctl"
    };
    Err(Failure::new(Code::ProtocolMismatch, message).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mismatch_names_both_numbers_and_the_older_side() {
        assert_eq!(check(1, 1), Ok(()));
        let newer = check(2, 1).unwrap_err();
        assert_eq!(newer.code, Code::ProtocolMismatch);
        assert!(newer.message.contains("protocol 1") && newer.message.contains("protocol 2"));
        assert!(newer.hint.unwrap().contains("daemon is older"));
        assert!(check(1, 2).unwrap_err().hint.unwrap().contains("client is older"));
    }
}
