//! Rows onto the end of an audit file.

use super::read::{place, records};
use super::{COLUMNS, Row};

/// Why rows were not appended. The file is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The first line names no `ts` and `action` column.
    #[error("the audit file has no header with 'ts' and 'action'")]
    NoHeader,
    /// It ends inside a quoted cell, which would swallow what is appended.
    #[error("the audit file ends inside a quoted cell")]
    Damaged,
}

/// The file with the rows at its end. What is there stays byte for byte; only a missing final
/// newline is added. The new rows take the file's own column order and line ending.
///
/// A row that is in the file already, exactly as it would be written, is not written again: so a
/// retry after an unclear answer is harmless.
///
/// # Errors
/// [`AuditError`].
pub fn append(existing: Option<&[u8]>, rows: &[Row]) -> Result<Vec<u8>, AuditError> {
    let mut file = existing.filter(|file| !file.trim_ascii().is_empty()).unwrap_or_default().to_vec();
    let columns: Vec<String> = match records(&file).next() {
        None => COLUMNS.map(str::to_owned).to_vec(),
        Some(header) => {
            if place(&header, "ts").is_none() || place(&header, "action").is_none() {
                return Err(AuditError::NoHeader);
            }
            header.iter().map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned()).collect()
        }
    };
    let first_line = file.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
    let newline = if first_line.ends_with(b"\r\n") { "\r\n" } else { "\n" };
    if file.is_empty() {
        file.extend(line(columns.iter().map(String::as_str)));
        file.extend_from_slice(newline.as_bytes());
    } else if !file.ends_with(b"\n") {
        file.extend_from_slice(newline.as_bytes());
    }
    let before = records(&file).count();
    let mut added = Vec::new();
    for row in rows {
        let cells: Vec<_> = columns.iter().map(|column| row.cell(column)).collect();
        let text = line(cells.iter());
        if !contains_line(&file, &text) {
            file.extend_from_slice(&text);
            file.extend_from_slice(newline.as_bytes());
            added.push(csv::ByteRecord::from(cells));
        }
    }
    // An open quote in the last cell would take the rows in, or be closed by one of them.
    if records(&file).skip(before).eq(added) { Ok(file) } else { Err(AuditError::Damaged) }
}

/// One record without its line ending.
fn line(cells: impl Iterator<Item = impl AsRef<[u8]>>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    // Writing into memory does not fail.
    let _ = writer.write_record(cells);
    let mut text = writer.into_inner().unwrap_or_default();
    text.truncate(text.trim_ascii_end().len().max(text.len().saturating_sub(1)));
    text
}

/// True when the text stands in the file as whole lines.
fn contains_line(file: &[u8], text: &[u8]) -> bool {
    let last = file.len().saturating_sub(text.len());
    (0..=last).any(|at| {
        let starts = at == 0 || file[at - 1] == b'\n';
        starts && file[at..].strip_prefix(text).is_some_and(|rest| matches!(rest, [] | [b'\r' | b'\n', ..]))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Meta, read};
    use super::*;

    fn row(note: &str) -> Row {
        Row {
            ts: "2026-05-23T11:42:01.234Z".parse().unwrap(),
            action: Action::Push,
            version: "20260523-114201".parse().ok(),
            hostname: "lap".into(),
            local_ip: "10.0.0.5".into(),
            os_user: "ann".into(),
            git_email: "ann@acme.dev".into(),
            vsync_version: "0.1.0".into(),
            meta: Meta::from_iter([("note".to_owned(), note.into())]),
        }
    }

    fn text(existing: Option<&str>, rows: &[Row]) -> String {
        String::from_utf8(append(existing.map(str::as_bytes), rows).unwrap()).unwrap()
    }

    const HEADER: &str =
        "ts,action,version_ts,hostname,local_ip,os_user,git_email,vsync_version,bun_version,meta\n";

    #[test]
    fn an_empty_file_gets_a_header() {
        let line = "2026-05-23T11:42:01.234Z,push,20260523-114201,lap,10.0.0.5,ann,ann@acme.dev,0.1.0,,\
                    \"{\"\"note\"\":\"\"ship, it\"\"}\"\n";
        for empty in [None, Some(""), Some("\n")] {
            assert_eq!(text(empty, &[row("ship, it")]), format!("{HEADER}{line}"));
        }
    }

    #[test]
    fn the_same_row_is_not_written_twice() {
        let once = text(None, &[row("a")]);
        assert_eq!(text(Some(&once), &[row("a")]), once);
        assert_eq!(text(Some(once.trim_end()), &[row("a"), row("a")]), once);
        let both = text(Some(&once), &[row("a"), row("b")]);
        assert_eq!(read(both.as_bytes()).len(), 2);
        // A row of a line that merely begins alike is another row.
        let longer = once.replace("\"\n", "\",more\n");
        assert_eq!(read(text(Some(&longer), &[row("a")]).as_bytes()).len(), 2);
    }

    #[test]
    fn the_files_own_shape_is_kept() {
        let file = "future,meta,action,ts\r\n1,,push,x";
        let appended = text(Some(file), &[row("a")]);
        let rest = appended.strip_prefix(file).unwrap();
        assert_eq!(rest, "\r\n,\"{\"\"note\"\":\"\"a\"\"}\",push,2026-05-23T11:42:01.234Z\r\n");
    }

    #[test]
    fn what_cannot_take_a_row_is_refused() {
        let refused = |file: &str| append(Some(file.as_bytes()), &[row("a")]).unwrap_err();
        assert_eq!(refused("hello\n"), AuditError::NoHeader);
        assert_eq!(refused(&format!("{HEADER}x,\"push,")), AuditError::Damaged);
        // This one is closed by a quote of the row itself.
        assert_eq!(refused(&format!("{HEADER}x,push,,\"a")), AuditError::Damaged);
    }

    #[test]
    fn cells_with_line_breaks_come_back_whole() {
        let mut odd = row("a");
        odd.hostname = "a\r\nb,\"c\"".into();
        let file = append(None, &[odd.clone()]).unwrap();
        assert_eq!(read(&file)[0].hostname, odd.hostname);
        assert_eq!(append(Some(&file), &[odd]).unwrap(), file);
    }
}
