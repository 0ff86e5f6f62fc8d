//! The folder the demo happens in, and what is left of it.

use std::fs;
use std::path::PathBuf;

use crate::person::Person;
use crate::{Outcome, script};

/// Two machines, the store between them, and a desk where things are handed over.
#[derive(Debug)]
pub(crate) struct Playground {
    folder: PathBuf,
    /// Who begins.
    pub(crate) ann: Person,
    /// Who joins.
    pub(crate) ben: Person,
}

impl Playground {
    /// Makes the folder.
    pub(crate) fn new(folder: Option<PathBuf>, programs: PathBuf) -> Outcome<Self> {
        let folder = match folder {
            Some(folder) => {
                fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
                folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?
            }
            None => tempfile::Builder::new()
                .prefix("vsync-demo-")
                .tempdir()
                .map_err(|error| format!("no temporary folder: {error}"))?
                .keep(),
        };
        fs::create_dir(folder.join("desk")).map_err(|error| format!("{}: {error}", folder.display()))?;
        script::title("Two machines and a store, all in one folder");
        script::say(&format!("everything happens in {}", folder.display()));
        script::say("each machine has its own home, checkout and daemon; yours are not touched");
        script::say("$STORE is the folder that plays the bucket, $DESK where ann hands ben a file");
        Ok(Self {
            ann: Person::new("ann", &folder, &programs)?,
            ben: Person::new("ben", &folder, &programs)?,
            folder,
        })
    }

    /// Stops the daemons and says how to go on.
    pub(crate) fn leave_to_play(self) -> Outcome<()> {
        self.ann.run("vsyncctl daemon stop", 0)?;
        self.ben.run("vsyncctl daemon stop", 0)?;
        let file = self.folder.join("play.env");
        let folder = self.folder.display();
        let text = format!(
            "# Source this file: 'ann' and 'ben' run a command on their machine, 'end_of_play' cleans up.\n\
             {}{}\
             end_of_play() {{ ann vsyncctl --no-start daemon stop; ben vsyncctl --no-start daemon stop; rm -rf '{folder}'; }}\n",
            self.ann.function(),
            self.ben.function(),
        );
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        script::title("Now you");
        println!(
            "Both daemons are stopped; the folder stays.\n\
             \n    . {}\n    ann vsyncctl status\n    ann sh -c 'echo COLOUR=blue >> infra/vault/dev/.env'\n    \
             ann vsyncctl push dev\n    ben cat infra/vault/dev/.env\n    ben vsyncctl watch\n\n\
             end_of_play stops what you started and removes {folder}",
            file.display()
        );
        Ok(())
    }
}
