//! Lines as the journal wants them from a service's standard error: a priority in front, no time.

use std::fmt;

use rustix::fs::fstat;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

/// `<6>vsyncd::worker: message field=value`; see `sd-daemon(3)` for the prefixes.
#[derive(Debug)]
pub(super) struct Journal;

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = String::new();
        context.format_fields(Writer::new(&mut fields), event)?;
        let meta = event.metadata();
        write!(writer, "<{}>{}: ", priority(*meta.level()), meta.target())?;
        for c in fields.chars() {
            // The prefix counts for one line only, and a value must not forge another line.
            if c.is_control() { write!(writer, "{}", c.escape_default())? } else { writer.write_char(c)? }
        }
        writeln!(writer)
    }
}

const fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// Whether standard error is the stream that `JOURNAL_STREAM` (`device:inode`) describes: the
/// variable alone may have been inherited by a process whose output goes elsewhere.
pub(super) fn is_stderr(variable: &str) -> bool {
    fstat(std::io::stderr()).is_ok_and(|stat| variable == stream(stat.st_dev, stat.st_ino))
}

pub(super) fn stream(device: impl fmt::Display, inode: impl fmt::Display) -> String {
    format!("{device}:{inode}")
}
