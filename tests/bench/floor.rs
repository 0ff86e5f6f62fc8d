//! What no program of this kind can do without: the same bytes through the same server, one cipher
//! over them, and one sync of what was written. No scan, no archive, no journal, no pointer, no log.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use ring::aead;
use vsync_tests::s3::S3Server;

use crate::plain_s3::PlainS3;

/// The word that makes this binary the floor's program, so that a process is compared with one.
pub(crate) const PROGRAM: &str = "floor-program";

/// The object that it reads and writes.
pub(crate) const OBJECT: &str = "floor/bundle";

/// A server to a plain client.
pub(crate) fn plain(server: &S3Server) -> PlainS3 {
    let keys = server.credentials();
    PlainS3 {
        host: server.endpoint().trim_start_matches("http://").to_owned(),
        bucket: server.bucket().to_owned(),
        region: server.region().to_owned(),
        key: (keys.access_key_id, keys.secret_access_key),
    }
}

/// The floor's program for a folder; `verb` is `push` or `pull`.
pub(crate) fn program(verb: &str, server: &PlainS3, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
    command.args([PROGRAM, verb]).arg(folder).args([&server.host, &server.bucket, &server.region]);
    command.args([&server.key.0, &server.key.1]).stdout(Stdio::null());
    command
}

/// What the floor's program does.
pub(crate) fn run(arguments: &[String]) {
    let [verb, folder, host, bucket, region, key, secret] = arguments else { panic!("seven arguments") };
    let server = PlainS3 {
        host: host.clone(),
        bucket: bucket.clone(),
        region: region.clone(),
        key: (key.clone(), secret.clone()),
    };
    match verb.as_str() {
        "push" => push(&server, Path::new(folder)),
        _ => pull(&server, Path::new(folder)),
    }
}

/// Folder → one buffer → cipher → server, and a copy on this disk.
fn push(server: &PlainS3, folder: &Path) {
    let sealed = sealed(folder);
    server.put(OBJECT, &sealed);
    let mut copy = File::create(folder.with_extension("copy")).expect("a file");
    copy.write_all(&sealed).and_then(|()| copy.sync_all()).expect("a file on this disk");
}

/// Server → cipher → a new folder, written and synced once, in its place by one rename.
pub(crate) fn pull(server: &PlainS3, folder: &Path) {
    let mut sealed = server.get(OBJECT);
    let opened = cipher().open_in_place(nonce(), aead::Aad::empty(), &mut sealed).expect("what was sealed");
    write(&files(opened), folder);
}

/// The files of a folder in one encrypted buffer.
pub(crate) fn sealed(folder: &Path) -> Vec<u8> {
    let mut buffer = Vec::new();
    gather(folder, "", &mut buffer);
    cipher().seal_in_place_append_tag(nonce(), aead::Aad::empty(), &mut buffer).expect("little enough");
    buffer
}

fn gather(folder: &Path, prefix: &str, into: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().expect("a kind").is_dir() {
            gather(&entry.path(), &format!("{name}/"), into);
            continue;
        }
        let content = fs::read(entry.path()).expect("a file");
        for part in [name.as_bytes(), &content] {
            into.extend_from_slice(&(part.len() as u64).to_le_bytes());
            into.extend_from_slice(part);
        }
    }
}

/// Names and contents in a buffer.
pub(crate) fn files(mut buffer: &[u8]) -> Vec<(&str, &[u8])> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = buffer.split_first_chunk() {
        let (part, rest) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).expect("a length"));
        parts.push(part);
        buffer = rest;
    }
    parts.chunks(2).map(|pair| (std::str::from_utf8(pair[0]).expect("a name"), pair[1])).collect()
}

/// Writes files into a new folder, syncs once, and puts it in its place.
pub(crate) fn write(files: &[(&str, &[u8])], folder: &Path) {
    let staged = folder.with_extension("staged");
    fs::create_dir_all(&staged).expect("a folder");
    for (name, content) in files {
        let path = staged.join(name);
        let mut file = File::create(&path).unwrap_or_else(|_| {
            fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
            File::create(&path).expect("a file")
        });
        file.write_all(content).expect("a file on this disk");
    }
    sync(&staged);
    fs::rename(&staged, folder).expect("a free name");
}

/// One sync of the file system that a folder lies on.
#[cfg(target_os = "linux")]
fn sync(folder: &Path) {
    rustix::fs::syncfs(File::open(folder).expect("a folder")).expect("a sync");
}

#[cfg(not(target_os = "linux"))]
fn sync(_: &Path) {
    rustix::fs::sync();
}

fn cipher() -> aead::LessSafeKey {
    aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, &[7; 32]).expect("a key of 32 bytes"))
}

/// Always the same: nothing here is a secret.
fn nonce() -> aead::Nonce {
    aead::Nonce::assume_unique_for_key([1; 12])
}
