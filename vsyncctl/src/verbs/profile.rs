//! `profile list`, `show`, `add`, `remove`

use vsync_proto::request::{self, ProfileList, ProfileRemove, ProfileShow};

use super::{DONE, Outcome};
use crate::cli::{ProfileAdd, ProfileVerb};
use crate::input::{self, Sources};
use crate::render::human;
use crate::session::Session;

const SECRET: &str = "secret access key";

pub(super) fn run(session: &Session, verb: &ProfileVerb) -> Outcome {
    match verb {
        ProfileVerb::List => {
            let answer = session.ask(&ProfileList {})?;
            session.show(&answer, |profiles| human::profiles(profiles));
        }
        ProfileVerb::Show(args) => {
            let answer = session.ask(&ProfileShow { name: args.name.clone() })?;
            session.show(&answer, human::profile);
        }
        ProfileVerb::Remove(args) => {
            let answer = session.ask(&ProfileRemove { name: args.name.clone() })?;
            session.tell(&answer, |_| human::line(&format!("profile {} is removed", args.name)));
        }
        ProfileVerb::Add(args) => add(session, args)?,
    }
    DONE
}

fn add(session: &Session, args: &ProfileAdd) -> Result<(), vsync_proto::Failure> {
    let (secret_access_key, warning) = if args.secret_access_key_stdin {
        (input::secret_from_stdin(SECRET)?, None)
    } else {
        input::secret(Sources {
            what: SECRET,
            file: args.secret_access_key_file.as_deref(),
            variable: None,
            twice: false,
            hint: "give --secret-access-key-file or --secret-access-key-stdin",
        })?
    };
    let answer = session.ask(&request::ProfileAdd {
        name: args.name.clone(),
        endpoint: args.endpoint.clone(),
        region: args.region.clone(),
        bucket: args.bucket.clone(),
        access_key_id: args.access_key_id.clone(),
        secret_access_key,
        prefix: args.prefix.clone(),
    })?;
    session.tell(&answer, |profile| human::line(&format!("profile {} is stored", profile.name)));
    session.warn(warning);
    Ok(())
}
