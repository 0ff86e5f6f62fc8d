//! What a merge left of the old bytes, and what it must not have left or told.

use vsync_core::rules::handler::MergeError;

use crate::case::Case;

fn find(bytes: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    if wanted.is_empty() {
        return Some(from);
    }
    let rest = bytes.get(from..)?;
    rest.windows(wanted.len()).position(|window| window == wanted).map(|at| at + from)
}

/// Each piece is still there, and they follow each other as they did.
pub(crate) fn preserved(case: &Case, bytes: &[u8]) -> Result<(), String> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for piece in case.texts("expect_preserved")? {
        let after = find(&case.existing, piece.as_bytes(), from);
        let at = after.or_else(|| find(&case.existing, piece.as_bytes(), 0));
        from = after.map_or(from, |at| at + 1);
        pieces.push((at.unwrap_or(usize::MAX), piece));
    }
    pieces.sort_by_key(|(at, _)| *at);
    let mut from = 0;
    for (_, piece) in pieces {
        let Some(at) = find(bytes, piece.as_bytes(), from) else {
            return Err(format!("did not survive, or not in order: {piece:?}"));
        };
        from = at + usize::from(!piece.is_empty());
    }
    Ok(())
}

/// None of these is there.
pub(crate) fn absent(case: &Case, bytes: &[u8]) -> Result<(), String> {
    let left =
        case.texts("expect_absent")?.into_iter().find(|piece| find(bytes, piece.as_bytes(), 0).is_some());
    left.map_or(Ok(()), |piece| Err(format!("is still there: {piece:?}")))
}

/// The number of line feeds with and without a carriage return before them.
fn ends(bytes: &[u8]) -> (usize, usize) {
    let all = bytes.iter().filter(|byte| **byte == b'\n').count();
    let pairs = bytes.windows(2).filter(|pair| *pair == b"\r\n").count();
    (pairs, all - pairs)
}

/// No line of the other kind came in.
pub(crate) fn line_ends(case: &Case, bytes: &[u8]) -> Result<(), String> {
    let Some(word) = case.expects.field("expect_eol") else { return Ok(()) };
    let (before, after) = (ends(&case.existing), ends(bytes));
    let kept = match word.text().map(str::to_ascii_lowercase).as_deref() {
        Some("crlf" | "\r\n") => after.1 <= before.1 && after.0 >= before.0.min(1),
        Some("lf" | "\n") => after.0 <= before.0,
        Some("mixed") => after.0 > 0 && after.1 > 0,
        _ => return Err(format!("expect_eol holds {word:?}")),
    };
    if kept { Ok(()) } else { Err(format!("line ends (crlf, lf) were {before:?} and are {after:?}")) }
}

/// At most so many lines differ: the lines that are in one of the files only, a changed one counted once.
pub(crate) fn lines(case: &Case, bytes: &[u8]) -> Result<(), String> {
    let Some(crate::value::Value::Number(most)) = case.expects.field("expect_max_lines") else {
        return Ok(());
    };
    let most: usize = most.parse().map_err(|_| "expect_max_lines is no count".to_owned())?;
    let (old, new): (Vec<&[u8]>, Vec<&[u8]>) = (pieces(&case.existing), pieces(bytes));
    let common = longest_common(&old, &new);
    let differing = old.len().max(new.len()) - common;
    if differing <= most { Ok(()) } else { Err(format!("{differing} lines differ, not at most {most}")) }
}

/// Lines with their ends.
fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

fn longest_common(one: &[&[u8]], other: &[&[u8]]) -> usize {
    let start = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[start..], &other[start..]);
    let end = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[..one.len() - end], &other[..other.len() - end]);
    let mut row = vec![0; other.len() + 1];
    for line in one {
        let mut corner = 0;
        for (at, against) in other.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if line == against { corner + 1 } else { above.max(row[at]) };
            corner = above;
        }
    }
    start + end + row[other.len()]
}

/// A word of the documents that an error quotes. Key paths may be named; words that are no more than a
/// word of the language say nothing.
pub(crate) fn quoted(case: &Case, error: &MergeError) -> Option<String> {
    let path = match error {
        MergeError::DuplicateKey { path, .. }
        | MergeError::Unrepresentable { path, .. }
        | MergeError::Unsupported { path, .. }
        | MergeError::CheckFailed { path } => path.to_string(),
        _ => String::new(),
    };
    let mut message = format!("{error} {error:?}");
    if !path.is_empty() {
        message = format!("{error}").replace(&path, "");
    }
    let documents = [&case.existing, &case.incoming].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let words = documents
        .iter()
        .flat_map(|text| text.split(|c: char| c.is_whitespace() || "\"'{}[],:=<>".contains(c)));
    let telling = |word: &&str| {
        let marks = word.chars().filter(|c| !c.is_alphabetic()).count();
        let mixed = marks > 0 && marks < word.len() && *word != "UTF-8";
        word.len() >= 4 && mixed || word.len() >= 16
    };
    let mut told = words.filter(telling).filter(|word| message.contains(*word));
    told.next().map(ToOwned::to_owned)
}
