//! What a person does with the files of one machine, and what is owed to them for it: whatever
//! they saved and did not themselves replace or delete.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::step::{Edit, Text};

const PATHS: [&str; 8] =
    [".env", "app.env", "keys/one.pem", "keys/two.pem", "a/b/deep", "a/b/c/deeper", "a/plain", "Ünï code"];
const MODES: [u32; 3] = [0o600, 0o640, 0o755];

/// A path and its bytes.
pub(super) type Saved = (String, Vec<u8>);

/// One person at one machine.
#[derive(Debug, Default)]
pub(super) struct Person {
    /// What they saved and never replaced or deleted.
    pub(super) owed: BTreeSet<Saved>,
}

/// A number for each content, so that none is written twice.
#[derive(Debug, Default)]
pub(super) struct Pen(u64);

impl Pen {
    fn text(&mut self, text: Text) -> Vec<u8> {
        match text {
            Text::Known(which) => format!("KNOWN={which:04}\n").into_bytes(),
            Text::New => {
                self.0 += 1;
                format!("VALUE={:04}\n", self.0).into_bytes()
            }
        }
    }
}

impl Person {
    /// Edits the folder at this time of the machine's clock. `replaced` is the newest of the
    /// replaced folders. What fails is not done: the folder may be exchanged meanwhile.
    pub(super) fn edit(
        &mut self,
        edit: &Edit,
        pen: &mut Pen,
        (folder, replaced): (&Path, Option<&Path>),
        now: Timestamp,
    ) -> io::Result<()> {
        match edit {
            Edit::Write { path, content } => self.write(folder, name(*path), &pen.text(*content), now),
            Edit::Late { path, content } => match replaced {
                Some(replaced) => self.write(replaced, name(*path), &pen.text(*content), now),
                None => Ok(()),
            },
            Edit::Replace { path, content } => {
                let (path, text) = (name(*path), pen.text(*content));
                let (target, beside) = (folder.join(path), folder.join("new.tmp"));
                make_parent(&target)?;
                put(&beside, &text, now)?;
                let before = read(folder, path);
                let moved = fs::rename(&beside, &target);
                if moved.is_err() {
                    let _ = fs::remove_file(&beside);
                }
                moved?;
                self.save(path, before, text);
                Ok(())
            }
            Edit::Delete { path } => {
                let before = read(folder, name(*path));
                fs::remove_file(folder.join(name(*path)))?;
                self.release(name(*path), before);
                Ok(())
            }
            Edit::Rename { from, to } => {
                let (from, to) = (name(*from), name(*to));
                let (Some(moving), over) = (read(folder, from), read(folder, to)) else { return Ok(()) };
                make_parent(&folder.join(to))?;
                fs::rename(folder.join(from), folder.join(to))?;
                self.release(from, Some(moving.clone()));
                self.save(to, over, moving);
                Ok(())
            }
            Edit::Mode { path, mode } => {
                let mode = MODES[usize::from(*mode) % MODES.len()];
                fs::set_permissions(folder.join(name(*path)), Permissions::from_mode(mode))
            }
            Edit::Folder { path } => fs::create_dir_all(folder.join(format!("none/{path}"))),
            Edit::Empty => self.remove(folder, true),
            Edit::Remove => self.remove(folder, false),
        }
    }

    /// Writes into the file that is there, or makes one.
    fn write(&mut self, folder: &Path, path: &str, text: &[u8], now: Timestamp) -> io::Result<()> {
        let target = folder.join(path);
        make_parent(&target)?;
        let before = read(folder, path);
        put(&target, text, now)?;
        self.save(path, before, text.to_vec());
        Ok(())
    }

    fn remove(&mut self, folder: &Path, again: bool) -> io::Result<()> {
        if !folder.exists() {
            return Ok(());
        }
        let aside = folder.with_file_name("aside");
        fs::rename(folder, &aside)?;
        for path in PATHS {
            self.release(path, read(&aside, path));
        }
        self.release("new.tmp", read(&aside, "new.tmp"));
        fs::remove_dir_all(&aside)?;
        if again { fs::create_dir(folder) } else { Ok(()) }
    }

    fn save(&mut self, path: &str, replaced: Option<Vec<u8>>, text: Vec<u8>) {
        self.release(path, replaced);
        self.owed.insert((path.to_owned(), text));
    }

    fn release(&mut self, path: &str, bytes: Option<Vec<u8>>) {
        if let Some(bytes) = bytes {
            self.owed.remove(&(path.to_owned(), bytes));
        }
    }
}

fn name(path: u8) -> &'static str {
    PATHS[usize::from(path) % PATHS.len()]
}

/// The vault folder itself may be missing: then a person makes it.
fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn read(folder: &Path, path: &str) -> Option<Vec<u8>> {
    fs::read(folder.join(path)).ok()
}

/// Writes as the system would on a machine with this time: file times are of its clock.
fn put(path: &Path, text: &[u8], now: Timestamp) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text)?;
    let nanos = u64::try_from(now.as_nanosecond()).unwrap_or(0);
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos))
}
