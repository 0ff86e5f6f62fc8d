use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;

use tracing::subscriber::with_default;

use super::*;

/// Collects what is written, as a stream would.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

fn started(filter: &str, form: Form) -> (Box<dyn Subscriber + Send + Sync>, Logging, Lines) {
    let lines = Lines::default();
    let writer = lines.clone();
    let (subscriber, logging) = Logging::build(parse(filter).unwrap(), form, move || writer.clone());
    (subscriber, logging, lines)
}

#[test]
fn the_filter_can_be_replaced_while_it_runs() {
    let (subscriber, logging, lines) = started("", Form::Json);
    with_default(subscriber, || {
        tracing::debug!("hidden");
        tracing::info!("shown");
        logging.set_filter("debug").unwrap();
        tracing::debug!("now shown");
        assert!(logging.set_filter("inof").is_err());
        tracing::debug!("still shown");
        logging.set_filter("off").unwrap();
        tracing::error!("gone");
    });
    let text = lines.take();
    for (word, there) in
        [("\"shown", true), ("now shown", true), ("still", true), ("hidden", false), ("gone", false)]
    {
        assert_eq!(text.contains(word), there, "{word}: {text}");
    }
}

#[test]
fn libraries_stay_quiet_unless_they_are_named() {
    for (filter, shown) in [("", false), ("trace", false), ("hyper=debug", true), ("info,hyper=trace", true)]
    {
        let (subscriber, _logging, lines) = started(filter, Form::Json);
        with_default(subscriber, || tracing::debug!(target: "hyper", "wire"));
        assert_eq!(lines.take().contains("wire"), shown, "{filter}");
    }
}

#[test]
fn what_is_no_filter_is_refused() {
    for filter in ["inof", "vsyncd=loud", "info,verbose", "a=b=c"] {
        let error = parse(filter).unwrap_err().to_string();
        assert!(error.contains(filter), "{error}");
    }
    for filter in ["", "INFO", "off", " warn , vsyncd=debug", "vsyncd::worker=trace"] {
        parse(filter).unwrap();
    }
}

#[test]
fn journal_lines_carry_a_priority_and_stay_one_line() {
    let (subscriber, _logging, lines) = started("trace", Form::Journal);
    with_default(subscriber, || {
        tracing::error!(target: "t", pair = "a/dev", "broke");
        tracing::warn!(target: "t", "one\n<0>forged");
        tracing::info!(target: "t", "i");
        tracing::trace!(target: "t", "d");
    });
    let text = lines.take();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "<3>t: broke pair=\"a/dev\"");
    assert!(lines[1].starts_with("<4>t: one"), "{text}");
    assert_eq!(lines[2..], ["<6>t: i", "<7>t: d"]);
}

#[test]
fn json_lines_are_json() {
    let (subscriber, _logging, lines) = started("", Form::Json);
    with_default(subscriber, || tracing::info!(pair = "a/dev", "pulled"));
    let line: serde_json::Value = serde_json::from_str(&lines.take()).unwrap();
    assert_eq!((line["message"].as_str(), line["pair"].as_str()), (Some("pulled"), Some("a/dev")));
    assert_eq!(line["level"], "INFO");
}

#[test]
fn the_journals_stream_is_recognised_by_device_and_inode() {
    let stat = rustix::fs::fstat(io::stderr()).unwrap();
    let own = journal::stream(stat.st_dev, stat.st_ino);
    assert!(journal::is_stderr(&own));
    for other in ["", "0:0", &format!("{own}0")] {
        assert!(!journal::is_stderr(other), "{other}");
    }
}

#[test]
fn the_log_file_is_private_appended_to_and_put_aside_when_large() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("state/vsyncd.log");
    open(&path).unwrap().write_all(b"one\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    open(&path).unwrap().write_all(b"two\n").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);

    open(&path).unwrap().set_len(ROTATE_AT).unwrap();
    let fresh = open(&path).unwrap();
    assert_eq!(fresh.metadata().unwrap().len(), 0);
    let aside = temp.path().join("state/vsyncd.log.1");
    assert_eq!(fs::metadata(&aside).unwrap().len(), ROTATE_AT);
    assert_eq!(fs::metadata(&aside).unwrap().mode() & 0o077, 0);
}

#[test]
fn a_link_or_folder_is_no_log_file() {
    let temp = tempfile::tempdir().unwrap();
    assert!(open(temp.path()).is_err());
    let link = temp.path().join("link");
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    assert!(open(&link).is_err());
}
