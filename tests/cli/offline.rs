//! What the program is made of, and how it behaves where no daemon can be started.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::{Home, text};

#[test]
fn the_client_links_no_runtime_cipher_or_archive() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", "vsyncctl", "-e", "normal", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let tree = text(&output.stdout);
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"vsync-proto") && names.contains(&"clap"), "{tree}");
    for name in ["tokio", "aes", "aes-gcm", "zip", "sha2", "pbkdf2", "vsync-core", "vsyncd", "aws-sdk-s3"] {
        assert!(!names.contains(&name), "vsyncctl depends on {name}");
    }
    let ours: Vec<_> = names.iter().filter(|name| name.starts_with("vsync")).collect();
    assert!(ours.iter().all(|name| ["vsyncctl", "vsync-proto"].contains(name)), "{ours:?}");
}

/// A copy of the program where no `vsyncd` lies beside it.
fn lonely(home: &Home) -> Command {
    let folder = home.0.path().join("bin");
    std::fs::DirBuilder::new().create(&folder).unwrap();
    let program = folder.join("vsyncctl");
    std::fs::copy(env!("CARGO_BIN_EXE_vsyncctl"), &program).unwrap();
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home.0.path()).env("PATH", &folder);
    command
}

fn fake_daemon(home: &Home, script: &str) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = home.0.path().join("bin/vsyncd");
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(path).unwrap();
    write!(file, "#!/bin/sh\n{script}\n").unwrap();
}

#[test]
fn without_a_daemon_to_start_it_says_where_it_looked() {
    let home = Home::new();
    let output = lonely(&home).arg("status").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(
        said.contains("none can be started") && said.contains("beside vsyncctl or on the PATH"),
        "{said}"
    );
}

#[test]
fn a_daemon_that_fails_at_once_is_reported_with_its_log() {
    let home = Home::new();
    let mut command = lonely(&home);
    fake_daemon(&home, "echo \"$@\" > \"$HOME/args\"; exit 78");
    let output = command.args(["--socket", "/nonexistent/s", "status"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(said.contains("78") && said.contains("vsyncd.log"), "{said}");
    let args = std::fs::read_to_string(home.0.path().join("args")).unwrap();
    assert_eq!(args, "--background --socket /nonexistent/s\n");
}

#[test]
fn a_daemon_that_was_started_is_waited_for() {
    let home = Home::new();
    let (started, socket) = (home.0.path().join("started"), home.0.path().join("s"));
    let mut command = lonely(&home);
    fake_daemon(&home, "echo \"$@\" > \"$HOME/started.part\"; mv \"$HOME/started.part\" \"$HOME/started\"");
    command.env("PATH", format!("{}:/usr/bin:/bin", home.0.path().join("bin").display()));
    let daemon = std::thread::spawn(move || {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !started.exists() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        let listener = UnixListener::bind(&socket).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let mut writer = stream.try_clone().unwrap();
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        let answers = [
            r#"{"jsonrpc":"2.0","id":0,"result":{"protocol":1,"daemon_version":"0","pid":1}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":[]}"#,
        ];
        for (_, answer) in lines.zip(answers) {
            writeln!(writer, "{answer}").unwrap();
        }
        std::fs::read_to_string(started).unwrap()
    });
    // Relative on purpose: the daemon must be told the absolute path.
    let output =
        command.current_dir(home.0.path()).args(["--socket", "s", "profile", "list"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let expected = format!("--background --socket {}\n", home.0.path().join("s").display());
    assert_eq!(daemon.join().unwrap(), expected);
}
