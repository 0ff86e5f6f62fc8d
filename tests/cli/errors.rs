//! How failures look and what the process ends with.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::process::Stdio;

use serde_json::Value;

use crate::{Home, text};

#[test]
fn no_start_ends_with_3_and_says_why() {
    let home = Home::new();
    let output = home.run(&["--no-start", "status"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty());
    let said = text(&output.stderr).replace(&home.0.path().display().to_string(), "~");
    insta::assert_snapshot!(said, @"
    error: no daemon is running
    caused by: socket ~/.local/state/vsync/vsyncd.sock: No such file or directory (os error 2)
    hint: start one: vsyncctl daemon start
    ");
}

#[test]
fn no_start_holds_for_every_verb() {
    let home = Home::new();
    let daemon_less: &[&[&str]] = &[
        &["status", "dev"],
        &["watch"],
        &["diff", "dev"],
        &["push", "dev"],
        &["pull", "dev", "--backup"],
        &["versions", "dev"],
        &["sync", "dev", "gh", "--dry-run"],
        &["sync", "dev", "vault", "--vault-path", "p", "--replace"],
        &["init", "dev", "--store", "file:///tmp/none"],
        &["track", "dev", "--yes"],
        &["forget", "dev"],
        &["profile", "list"],
        &["profile", "show", "p"],
        &["profile", "remove", "p"],
        &["backup", "list"],
        &["backup", "restore", "dev", "name", "dir"],
        &["restore-backup", "dev", "name", "dir"],
        &["doctor"],
        &["daemon", "start"],
        &["daemon", "stop"],
        &["daemon", "reload"],
        &["daemon", "log-level", "debug"],
        &["daemon", "status"],
    ];
    for verb in daemon_less {
        let mut args = verb.to_vec();
        args.extend(["--no-start", "--json"]);
        let output = home.run(&args);
        assert_eq!(output.status.code(), Some(3), "{verb:?}");
        assert!(output.stderr.is_empty(), "{verb:?}: {}", text(&output.stderr));
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(value["error"]["code"], "daemon_unreachable", "{verb:?}");
    }
    assert_eq!(home.0.path().read_dir().unwrap().count(), 0, "something was written");
}

#[test]
fn usage_errors_end_with_2_with_json_too() {
    let home = Home::new();
    let wrong: &[&[&str]] = &[
        &["pull", "dev", "--merge"],
        &["pull", "dev", "--backup", "--force"],
        &["pull"],
        &["init", "dev"],
        &["init", "dev", "--profile", "p", "--store", "file:///x"],
        &["init", "dev", "--store", "file:///x", "--take-over"],
        &["init", "dev", "--store", "file:///x", "--key-store", "paper"],
        &["push", "dev", "--meta", "novalue"],
        &["sync", "dev"],
        &["sync", "dev", "gitlab"],
        &["sync", "dev", "gh", "--gh-scope", "team"],
        &["sync", "dev", "gcp", "--gh-repo", "a/b", "--replace"],
        &["rollback", "dev"],
        &["status", "--nonsense"],
        &["-q", "-v", "status"],
        &[],
    ];
    for args in wrong {
        let output = home.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
        let output = home.run(&[&["--json"], *args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?} with --json");
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(value["error"]["code"], "usage", "{args:?}");
        assert!(output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_secret_that_nobody_can_be_asked_for_is_a_usage_error() {
    let home = Home::new();
    let profile = ["profile", "add", "p", "--endpoint", "https://e", "--region", "r", "--bucket", "b"];
    let profile = [&profile[..], &["--access-key-id", "id", "--no-start"]].concat();
    let export = ["export", "dev", "--out", "f", "--no-start"];
    for args in [&profile[..], &export[..]] {
        let output = home.command().args(args).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains("hint: give --"), "{}", text(&output.stderr));
    }
    let secret = home.0.path().join("secret");
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&secret).unwrap();
    file.write_all(b"hunter2\n").unwrap();
    file.set_permissions(std::fs::Permissions::from_mode(0o666)).unwrap();
    let output = home.run(&[&profile[..], &["--secret-access-key-file", "secret"]].concat());
    assert_eq!(output.status.code(), Some(1), "a file that others can write is refused");
    file.set_permissions(std::fs::Permissions::from_mode(0o600)).unwrap();
    let output = home.run(&[&profile[..], &["--secret-access-key-file", "secret"]].concat());
    assert_eq!(output.status.code(), Some(3));
    assert!(!text(&output.stderr).contains("hunter2"));
}

#[test]
fn export_never_overwrites_unasked() {
    let home = Home::new();
    let path = home.0.path().join("f");
    std::fs::OpenOptions::new().write(true).create_new(true).open(&path).unwrap();
    let args = ["export", "dev", "--out", "f", "--no-start", "--json"];
    let output = home.command().env("VSYNC_PASSPHRASE", "x").args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["error"]["code"], "already_exists");
}

#[test]
fn a_socket_path_that_is_too_long_is_named() {
    let home = Home::new();
    let long = format!("/{}", "x".repeat(200));
    let output = home.run(&["--socket", &long, "status"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("200 bytes") || text(&output.stderr).contains("201 bytes"));
}

/// The answer to `hello`.
const HELLO: &str = r#"{"jsonrpc":"2.0","id":0,"result":{"protocol":1,"daemon_version":"0","pid":1}}"#;

/// Answers one connection's requests with `hello` and then with the given line.
fn answering(home: &Home, line: &'static str) -> std::thread::JoinHandle<()> {
    let listener = UnixListener::bind(home.0.path().join("s")).unwrap();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut writer = stream.try_clone().unwrap();
        for (at, _) in BufReader::new(stream).lines().map_while(Result::ok).enumerate() {
            writeln!(writer, "{}", if at == 0 { HELLO } else { line }).unwrap();
        }
    })
}

#[test]
fn the_daemon_s_word_decides_the_exit_code() {
    for (line, code) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"m","data":{"code":"edited","hint":"h","causes":["c"]}}}"#,
            4,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"m","data":{"code":"torn","hint":"h","causes":["c"]}}}"#,
            8,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"m","data":{"code":"store_unreachable","hint":"h","causes":["c"]}}}"#,
            9,
        ),
    ] {
        let home = Home::new();
        let thread = answering(&home, line);
        let output = home.run(&["--socket", "s", "pull", "dev"]);
        assert_eq!(output.status.code(), Some(code));
        assert_eq!(text(&output.stderr), "error: m\ncaused by: c\nhint: h\n");
        thread.join().unwrap();
    }
}

#[test]
fn a_result_goes_to_stdout_and_its_warnings_to_stderr() {
    const PUSHED: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"outcome":"published","version":"20260523-114201","gen":2,"replaced":"20260522-080000","files":3,"bytes":2048,"warnings":["the clock is behind"]}}"#;
    let home = Home::new();
    let thread = answering(&home, PUSHED);
    let output = home.run(&["--socket", "s", "push", "dev"]);
    assert!(output.status.success());
    let said = "dev is published as 20260523-114201 (gen 2): 3 files, 2.0 KiB, replacing 20260522-080000\n";
    assert_eq!(text(&output.stdout), said);
    assert_eq!(text(&output.stderr), "warning: the clock is behind\n");
    thread.join().unwrap();

    let home = Home::new();
    let thread = answering(&home, PUSHED);
    let output = home.run(&["--socket", "s", "push", "dev", "--json"]);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&value["outcome"], &value["warnings"][0]),
        (&"published".into(), &"the clock is behind".into())
    );
    assert!(output.stderr.is_empty());
    thread.join().unwrap();
}

#[test]
fn colour_only_where_it_is_wanted() {
    let home = Home::new();
    let coloured = |args: &[&str], no_color: &str| {
        let output = home.command().env("NO_COLOR", no_color).args(args).output().unwrap();
        output.stderr.contains(&0x1b)
    };
    assert!(!coloured(&["--no-start", "status"], ""));
    assert!(coloured(&["--no-start", "status", "--color", "always"], ""));
    assert!(!coloured(&["--no-start", "status", "--color", "never"], ""));
    assert!(!coloured(&["--no-start", "status"], "1"));
}

#[test]
fn ctrl_c_ends_with_130() {
    let home = Home::new();
    let listener = UnixListener::bind(home.0.path().join("s")).unwrap();
    let mut child = home.command().args(["--socket", "s", "status"]).spawn().unwrap();
    let (stream, _) = listener.accept().unwrap();
    let mut writer = stream.try_clone().unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.next().unwrap();
    writeln!(writer, "{HELLO}").unwrap();
    // The request is there, so the program waits for its answer.
    lines.next().unwrap();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_watch_in_a_pipe_is_a_line_per_change_and_ends_with_the_daemon() {
    const EVENT: &str = r#"{"jsonrpc":"2.0","method":"status_event","params":{"pair":{"repo":"acme","env":"dev","root":"/w","folder":"/w/v","layout":null,"gen":3,"version":"20260523-114201","state":"edited","since":null,"reason":"edited","hint":null,"local":{"added":["a"],"modified":[],"deleted":[]},"remote":{"gen":3,"version":null,"checked_at":null,"age_s":null},"last_sync":null,"conditional_writes":null,"atomic":null,"key_store":null,"next_poll_s":null}}}
{"jsonrpc":"2.0","id":1,"result":{}}"#;
    let home = Home::new();
    let thread = answering(&home, EVENT);
    let output = home.run(&["--socket", "s", "watch"]);
    assert_eq!(text(&output.stdout), "acme/dev edited 20260523-114201 (gen 3) edited +1 ~0 -0\n");
    assert_eq!(output.status.code(), Some(3));
    thread.join().unwrap();
}

#[test]
fn track_asks_nobody_in_a_script() {
    let home = Home::new();
    let thread = answering(
        &home,
        r#"{"jsonrpc":"2.0","id":1,"result":{"repo":"acme","env":"dev","root":"/w","folder":"/w/v","origin":null,"registered":false}}"#,
    );
    let output =
        home.command().args(["--socket", "s", "track", "dev"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--yes"), "{}", text(&output.stderr));
    thread.join().unwrap();
}
