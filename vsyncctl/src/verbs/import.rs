//! `import`

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use vsync_proto::Hidden;
use vsync_proto::request::Import;

use super::{DONE, Outcome, export, init};
use crate::cli;
use crate::input;
use crate::render::human;
use crate::session::Session;

pub(super) fn run(session: &Session, args: &cli::Import) -> Outcome {
    let caller = session.caller()?;
    let share = input::share(&args.file)?;
    let (passphrase, warning) = input::secret(export::passphrase(args.passphrase_file.as_deref(), false))?;
    let mut answer = session.ask(&Import {
        caller,
        env: args.env.clone(),
        share_b64: Hidden::new(BASE64_STANDARD.encode(share)),
        passphrase,
        key_store: args.key_store.map(init::key_store),
        vault_folder: args.vault_folder.clone(),
    })?;
    answer.warnings.extend(warning);
    session.tell(&answer, human::import);
    session.warn(answer.warnings.iter().chain(answer.pulled.iter().flat_map(|pulled| &pulled.warnings)));
    DONE
}
