//! Real file systems that are full, out of inodes or read-only, under one folder of a machine at a time.
//! Needs root, and a mount namespace of its own, so that nothing stays mounted.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use vsync_tests::folder::{self, write};
use vsync_tests::machine::Machine;
use vsync_tests::s3::S3Server;
use vsync_tests::team::{self, Place};
use vsync_tests::wait::until;

/// What is wrong with the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A tmpfs without space.
    Full,
    /// An ext4 without space.
    FullExt4,
    /// A tmpfs without inodes.
    NoInodes,
    /// An ext4 that was mounted anew, read-only, as the kernel does after an error. Not for the state folder:
    /// the daemon's lock is open for writing there, and asking politely does not help then.
    ReadOnly,
}

/// Every story: the folder of the machine that is a file system of its own, and what is wrong with it.
pub(crate) const ALL: [(&str, Trouble); 16] = [
    ("repo/infra", Trouble::FullExt4),
    ("state", Trouble::Full),
    ("config", Trouble::ReadOnly),
    ("store", Trouble::FullExt4),
    ("", Trouble::Full),
    ("repo/infra", Trouble::ReadOnly),
    ("state", Trouble::NoInodes),
    ("store", Trouble::ReadOnly),
    ("repo/infra", Trouble::Full),
    ("repo/infra", Trouble::NoInodes),
    ("state", Trouble::FullExt4),
    ("", Trouble::NoInodes),
    ("config", Trouble::FullExt4),
    ("config", Trouble::NoInodes),
    ("", Trouble::FullExt4),
    ("store", Trouble::Full),
];

/// A machine with a file system of its own under one folder.
struct Site {
    ben: Machine,
    at: PathBuf,
    trouble: Trouble,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.ben.kill();
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn run(program: &str, arguments: &[&str]) {
    let done = Command::new(program).args(arguments).output().expect("the program starts");
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

impl Site {
    fn new(below: &str, trouble: Trouble) -> Self {
        let ben = Machine::new("ben");
        let at = ben.path(below);
        fs::create_dir_all(&at).expect("the folder");
        let place = at.display().to_string();
        if matches!(trouble, Trouble::FullExt4 | Trouble::ReadOnly) {
            let image = std::env::temp_dir().join(format!("vs-image-{}-{trouble:?}", std::process::id()));
            let image = image.with_extension(below.replace('/', "-"));
            File::create(&image).and_then(|file| file.set_len(16 << 20)).expect("the image");
            let name = image.display().to_string();
            run("mkfs.ext4", &["-q", "-F", "-m", "0", &name]);
            run("mount", &["-o", "loop", &name, &place]);
            // It lives as long as it is mounted.
            fs::remove_file(&image).expect("the image");
        } else {
            run("mount", &["-t", "tmpfs", "-o", "size=4m,nr_inodes=300,mode=700", "vs-test", &place]);
        }
        for folder in ["run", "repo/.git"] {
            fs::create_dir_all(ben.path(folder)).expect("a folder of the machine");
        }
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(ben.path("run"), fs::Permissions::from_mode(0o700)).expect("a private folder");
        ben.set_origin("git@git.example:acme/web.git");
        ben.settings("keep_replaced: 1s\n");
        Self { ben, at, trouble }
    }

    fn begin(&self) {
        match self.trouble {
            Trouble::Full | Trouble::FullExt4 => {
                let mut file = File::create(self.at.join("filler")).expect("a file to fill it with");
                for size in [65536, 4096, 1] {
                    let block = vec![7; size];
                    while file.write_all(&block).is_ok() {}
                }
            }
            Trouble::NoInodes => {
                fs::create_dir(self.at.join("fillers")).expect("a folder to fill it with");
                let mut at = 0;
                while File::create(self.at.join(format!("fillers/{at}"))).is_ok() {
                    at += 1;
                }
            }
            Trouble::ReadOnly => self.remount("ro"),
        }
    }

    fn end(&self) {
        match self.trouble {
            Trouble::Full | Trouble::FullExt4 => fs::remove_file(self.at.join("filler")).expect("the filler"),
            Trouble::NoInodes => fs::remove_dir_all(self.at.join("fillers")).expect("the fillers"),
            Trouble::ReadOnly => self.remount("rw"),
        }
    }

    /// Files that are open for writing keep a file system from becoming read-only the polite way.
    fn remount(&self, to: &str) {
        let place = self.at.display().to_string();
        until("it is mounted anew", || {
            let done = Command::new("mount").args(["-o", &format!("remount,{to}"), &place]).output();
            done.is_ok_and(|done| done.status.success())
        });
    }

    /// What may be told of this trouble.
    fn explains(&self, pair: &Value) -> bool {
        let (reason, hint) = (pair["reason"].as_str().unwrap_or_default(), &pair["hint"]);
        let words: &[&str] = match self.trouble {
            Trouble::ReadOnly => &["io", "access_denied"],
            _ => &["disk_full"],
        };
        words.contains(&reason) && hint.is_string()
    }
}

fn requests(server: &S3Server) -> u64 {
    ["HEAD", "GET", "PUT", "LIST"].iter().map(|method| server.requests(method, "")).sum()
}

fn publish(machine: &Machine, number: u64) {
    let vault = machine.vault("dev");
    write(&vault, "a.env", format!("A=sesame-{number}\n"), 0o600);
    write(&vault, "b.bin", folder::noise(number, 200_000), 0o600);
    let (code, pushed) = machine.json(&["push", "dev"]);
    assert_eq!(code, 0, "{pushed}");
}

/// The folder is one of these versions, whole.
fn version(machine: &Machine) -> Option<u64> {
    let vault = machine.vault("dev");
    let text = fs::read_to_string(vault.join("a.env")).ok()?;
    let number = text.trim().strip_prefix("A=sesame-")?.parse().ok()?;
    (fs::read(vault.join("b.bin")).ok()? == folder::noise(number, 200_000)).then_some(number)
}

/// One file system, one trouble: seen, told, survived, over.
pub(crate) fn story(below: &str, trouble: Trouble) {
    let mut site = Site::new(below, trouble);
    let mut ann = Machine::new("ann");
    ann.start();
    site.ben.start();
    let store = Place::s3();
    if below == "store" {
        return full_store(&site);
    }
    team::init(&ann, &store, "dev");
    publish(&ann, 1);
    team::join(&ann, &site.ben, "dev");
    site.ben.wait_state("dev", "ok");
    let before = (Instant::now(), requests(store.server()));
    site.begin();
    publish(&ann, 2);
    let mut pair = Value::Null;
    until("the trouble is told, or the version came all the same", || {
        pair = site.ben.status("dev");
        site.explains(&pair) || pair["state"] == "ok" && version(&site.ben) == Some(2)
    });
    let came = pair["state"] == "ok";
    assert!(matches!(version(&site.ben), Some(1 | 2)), "half a version\n{pair}");
    // Told or not, nothing goes round in circles.
    std::thread::sleep(Duration::from_secs(2));
    let most = (before.0.elapsed().as_millis() / 160 + 2) * 8 + 40;
    let sent = u128::from(requests(store.server()) - before.1);
    assert!(sent <= most, "{sent} requests, at most {most}");
    assert!(site.ben.ended().is_none(), "the daemon died\n{}", site.ben.log());
    assert!(!site.ben.log().contains("sesame"), "the log tells a secret");
    let pushed = edit_and_push(&site);
    // A daemon that stops now begins again once there is room, or at once.
    site.ben.kill();
    site.ben.spawn(&[]);
    until("it begins or says why not", || {
        site.ben.ended().is_some() || site.ben.ctl(&["daemon", "status"]).code == 0
    });
    if let Some(ended) = site.ben.ended() {
        assert_eq!(ended.code(), Some(1), "{}", site.ben.log());
        site.ben.kill();
    }
    site.end();
    if site.ben.ctl(&["daemon", "status"]).code != 0 {
        site.ben.start();
    }
    eprintln!("    {below:?} {trouble:?}: the version came: {came}; push: {pushed}");
    recovers(&site, &ann);
}

/// What a push says meanwhile; -1 where the folder itself takes no edit.
fn edit_and_push(site: &Site) -> i32 {
    if fs::write(site.ben.vault("dev").join("mine.env"), "M=sesame\n").is_err() {
        return -1;
    }
    let (code, answer) = site.ben.json(&["push", "dev"]);
    let error = &answer["error"];
    let refused = ["remote_ahead", "lost_race", "diverged"].iter().any(|word| error["code"] == *word);
    let pair = serde_json::json!({ "reason": error["code"], "hint": error["hint"] });
    assert!(code == 0 || refused || site.explains(&pair), "{answer}");
    assert!(!answer.to_string().contains("sesame"), "{answer}");
    code
}

fn recovers(site: &Site, ann: &Machine) {
    let ben = &site.ben;
    let settled = ben.wait_status("dev", "it is over", |pair| {
        ["ok", "edited", "diverged"].iter().any(|state| pair["state"] == *state)
    });
    if settled["state"] == "diverged" {
        ben.ok(&["pull", "dev", "--backup"]);
    } else if settled["state"] == "edited" {
        ben.ok(&["push", "dev"]);
    }
    ben.wait_state("dev", "ok");
    ann.ok(&["pull", "dev"]);
    publish(ann, 3);
    ben.wait_status("dev", "the next version comes", |pair| pair["state"] == "ok" && version(ben) == Some(3));
    until("nothing is left behind", || {
        let left =
            ["repo", "state", "config"].iter().flat_map(|place| folder::read(&ben.path(place)).into_keys());
        left.into_iter().all(|name| {
            let own = name.rsplit('/').next().unwrap_or(&name).to_owned();
            !own.starts_with(".vsync-") && !own.ends_with(".tmp")
        })
    });
}

/// A store in a folder whose disk takes no more.
fn full_store(site: &Site) {
    let ben = &site.ben;
    let url = format!("file://{}", Path::new(&ben.path("store/shared")).display());
    ben.ok(&["init", "dev", "--store", &url]);
    publish(ben, 1);
    site.begin();
    write(&ben.vault("dev"), "a.env", "A=sesame-2\n", 0o600);
    let (code, answer) = ben.json(&["push", "dev"]);
    let pair = serde_json::json!({ "reason": answer["error"]["code"], "hint": answer["error"]["hint"] });
    assert!(code != 0 && site.explains(&pair), "exit {code}: {answer}");
    ben.wait_status("dev", "the vault is well, and edited", |pair| pair["state"] == "edited");
    site.end();
    ben.ok(&["push", "dev"]);
    ben.wait_state("dev", "ok");
}
