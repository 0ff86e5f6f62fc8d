//! YAML: mappings merge, everything else is replaced; the first document of a stream.
//!
//! The file is parsed with exact places, the edits are spliced into its bytes, and the result is read by
//! another parser and compared with what was asked for. What cannot be edited safely is refused.

mod add;
mod block;
mod check;
mod class;
mod emit;
mod flow;
mod parser;
mod planner;
mod replace;
mod scalar;
mod seen;
mod take;
mod text;
mod tree;
mod value;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use zeroize::Zeroizing;

use self::class::Class;
use self::emit::Layout;
use self::parser::parse;
use self::planner::Planner;
use self::tree::{BOM, Kind, Tree, is_break, line_ending};
use self::value::{Nulls, Quoting, Reader, Scalar, Value};
use super::places::Places;
use super::source::Fault;
use super::splice::into_bytes;
use super::{Change, MAX, MergeError, Merged, Options, Position};
use crate::rules::key_path::KeyPath;

const FORMAT: &str = "yaml";

type Entries = Vec<(Scalar, Value)>;

/// Merges the first document of `incoming` into the first document of `existing`.
pub(super) fn merge(existing: &[u8], incoming: &[u8], options: Options) -> Result<Merged, MergeError> {
    let incoming = read_incoming(incoming)?;
    let mut managed = Vec::new();
    leaves(&incoming, &KeyPath::root(), options.delete_nulls, &mut managed);
    let nulls = if options.delete_nulls { Nulls::Delete } else { Nulls::Keep };
    let (bytes, changes) = edit(existing, &incoming, nulls)?;
    Ok(Merged { bytes, changes, managed })
}

/// Takes places out: the same as merging nulls that delete.
pub(super) fn remove(existing: &[u8], places: &[KeyPath]) -> Result<Merged, MergeError> {
    let (bytes, changes) = edit(existing, &deletions(&Places::of(places)), Nulls::OnlyDelete)?;
    Ok(Merged { bytes, changes, managed: Vec::new() })
}

/// Nulls at the places that are to be taken out.
fn deletions(places: &Places) -> Entries {
    let entry = |(key, places): (&String, &Places)| {
        let scalar = Scalar { text: key.clone(), class: Class::Text(key.clone()), quoting: Quoting::Plain };
        (scalar, if places.whole { null() } else { Value::Mapping(deletions(places)) })
    };
    places.below.iter().map(entry).collect()
}

fn null() -> Value {
    Value::Scalar(Scalar { text: String::new(), class: Class::Null, quoting: Quoting::Plain })
}

/// Decodes a document. A line break is added at the end of one that has none, so that every line ends in
/// one; gives the text and where the real one ends.
fn decode(bytes: &[u8]) -> Result<(Zeroizing<String>, usize), Fault> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Fault { at: error.valid_up_to(), what: "bytes that are not UTF-8" })?;
    let mut owned = Zeroizing::new(String::with_capacity(text.len() + 2));
    owned.push_str(text);
    if bytes.len() > bom(bytes) && !bytes.last().copied().is_some_and(is_break) {
        owned.push_str(line_ending(bytes));
    }
    Ok((owned, text.len()))
}

fn bom(bytes: &[u8]) -> usize {
    if bytes.starts_with(BOM) { BOM.len() } else { 0 }
}

/// The incoming mapping; empty if there is nothing in the document.
fn read_incoming(bytes: &[u8]) -> Result<Entries, MergeError> {
    let bad = |fault: Fault| MergeError::BadIncoming {
        format: FORMAT,
        at: Position::of(bytes, fault.at),
        what: fault.what,
    };
    let (text, end) = decode(bytes).map_err(bad)?;
    let tree = parse(&text, end).map_err(bad)?;
    if tree.documents > 1 {
        return Err(bad(Fault { at: 0, what: "more than one document" }));
    }
    let Some(root) = tree.first.as_ref().and_then(|document| document.root) else {
        return Ok(Entries::new());
    };
    match Reader::new(&tree).value(root).map_err(bad)? {
        Value::Mapping(entries) => Ok(entries),
        value if value.is_null() => Ok(Entries::new()),
        _ => Err(wrong_root(&tree, root, "rendered data")),
    }
}

fn wrong_root(tree: &Tree<'_>, root: usize, document: &'static str) -> MergeError {
    let found = match tree.node(root).kind {
        Kind::Sequence { .. } => "sequence",
        _ => "scalar",
    };
    MergeError::WrongRoot { document, found }
}

/// The places of all values: scalars, sequences, and mappings that are empty.
fn leaves(entries: &[(Scalar, Value)], path: &KeyPath, delete_nulls: bool, found: &mut Vec<KeyPath>) {
    for (key, value) in entries {
        let path = path.child(&key.text);
        match value {
            Value::Mapping(entries) if !entries.is_empty() => leaves(entries, &path, delete_nulls, found),
            _ if delete_nulls && value.is_null() => {}
            _ => found.push(path),
        }
    }
}

fn edit(
    existing: &[u8],
    incoming: &[(Scalar, Value)],
    nulls: Nulls,
) -> Result<(Zeroizing<Vec<u8>>, Vec<Change>), MergeError> {
    let malformed = |fault: Fault| MergeError::Malformed {
        format: FORMAT,
        at: Position::of(existing, fault.at),
        what: fault.what,
    };
    let (text, end) = decode(existing).map_err(malformed)?;
    let tree = parse(&text, end).map_err(malformed)?;
    let root = tree.first.as_ref().and_then(|document| document.root);
    if let Some(root) = root
        && !matches!(tree.node(root).kind, Kind::Mapping { .. })
        && !bare(&tree, root)
    {
        return Err(wrong_root(&tree, root, "file"));
    }
    let mut planner = Planner::new(&tree, Layout::of(&tree), nulls);
    planner.plan(incoming)?;
    planner.close_last_block();
    let Planner { edits, mut changes, overrides, .. } = planner;
    if edits.is_empty() {
        return Ok((Zeroizing::new(existing.to_vec()), Vec::new()));
    }
    let failed = |path: KeyPath| MergeError::CheckFailed { path };
    let same_end = end > 0 && edits.keeps_as_last(end - 1);
    let mut result = edits.apply(&text).ok_or_else(|| failed(KeyPath::root()))?;
    if let Some(kept) = result.strip_suffix(&text[end..]).map(str::len) {
        // The line break that was added, unless it is needed by the block that the file ends in by now.
        let needed =
            kept < result.len() && !same_end && parse(&result, kept).is_ok_and(|after| after.ends_open());
        if !needed {
            result.truncate(kept);
        }
    }
    if result.len() > MAX {
        return Err(MergeError::TooLarge { limit: MAX });
    }
    let after = seen::read(&result).ok_or_else(|| failed(KeyPath::root()))?;
    check::Check::new(&tree, &after, &overrides, nulls).run(incoming).map_err(failed)?;
    changes.sort_by_key(|(at, _, _)| *at);
    let changes = changes.into_iter().map(|(_, path, kind)| Change { path, kind }).collect();
    Ok((into_bytes(result), changes))
}

/// Whether the root has no content, only an anchor or a tag.
fn bare(tree: &Tree<'_>, root: usize) -> bool {
    tree.node(root).span.is_empty()
}
