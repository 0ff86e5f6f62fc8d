//! `export`

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use vsync_proto::request::Export;
use vsync_proto::{Code, Failure};

use super::{DONE, Outcome};
use crate::cli;
use crate::input::{self, Sources};
use crate::render::human;
use crate::session::Session;
use crate::share_file;

/// What is shown: never the file's content.
#[derive(Debug, Serialize)]
pub(crate) struct Exported {
    pub(crate) repo: String,
    pub(crate) env: String,
    pub(crate) file: String,
    pub(crate) warnings: Vec<String>,
}

pub(super) fn run(session: &Session, args: &cli::Export) -> Outcome {
    let caller = session.caller()?;
    share_file::check(&args.out, args.force)?;
    let (passphrase, warning) = input::secret(passphrase(args.passphrase_file.as_deref(), true))?;
    let answer = session.ask(&Export { caller, env: args.env.clone(), passphrase })?;
    let share = BASE64_STANDARD
        .decode(answer.share_b64.expose())
        .map_err(|_| Failure::new(Code::Internal, "the daemon's share file is not base64"))?;
    share_file::write(&args.out, &share, args.force)?;
    let warnings = warning.into_iter().chain(answer.warnings).collect();
    let file = args.out.display().to_string();
    let shown = Exported { repo: answer.repo, env: answer.env, file, warnings };
    session.tell(&shown, human::exported);
    session.warn(&shown.warnings);
    DONE
}

/// Where the passphrase of a share file comes from.
pub(super) const fn passphrase(file: Option<&std::path::Path>, twice: bool) -> Sources<'_> {
    Sources {
        what: "passphrase",
        file,
        variable: Some("VSYNC_PASSPHRASE"),
        twice,
        hint: "give --passphrase-file, or set VSYNC_PASSPHRASE",
    }
}
