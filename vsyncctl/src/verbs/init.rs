//! `init`

use vsync_proto::request::{Init, Source};
use vsync_proto::status::KeyStore;
use vsync_proto::{Code, Failure};

use super::{DONE, Outcome};
use crate::cli::{self, KeyStoreArg, Switch};
use crate::render::human;
use crate::session::Session;

pub(super) fn run(session: &Session, args: &cli::Init) -> Outcome {
    let source = match (&args.profile, &args.store) {
        (Some(profile), None) => Source::Profile(profile.clone()),
        (None, Some(store)) => Source::Store(store.clone()),
        _ => return Err(Failure::new(Code::Usage, "give either --profile or --store")),
    };
    let answer = session.ask(&Init {
        caller: session.caller()?,
        env: args.env.clone(),
        source,
        vault_folder: args.vault_folder.clone(),
        prefix: args.prefix.clone(),
        key_store: args.key_store.map(key_store),
        audit: args.audit == Switch::On,
    })?;
    session.tell(&answer, human::init);
    session.warn(&answer.warnings);
    DONE
}

/// The word of the protocol for the word of the command line.
pub(super) const fn key_store(arg: KeyStoreArg) -> KeyStore {
    match arg {
        KeyStoreArg::Keychain => KeyStore::Keychain,
        KeyStoreArg::File => KeyStore::File,
    }
}
