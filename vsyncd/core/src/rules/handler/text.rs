//! Text: the whole file, byte for byte.

use zeroize::Zeroizing;

use super::{Change, ChangeKind, MergeError, Merged, Position};
use crate::rules::key_path::KeyPath;

/// The incoming bytes are the file.
pub(super) fn merge(existing: &[u8], incoming: &[u8]) -> Result<Merged, MergeError> {
    let kind = if existing.is_empty() { ChangeKind::Added } else { ChangeKind::Replaced };
    let changes =
        if existing == incoming { Vec::new() } else { vec![Change { path: KeyPath::root(), kind }] };
    Ok(Merged { bytes: Zeroizing::new(incoming.to_vec()), changes, managed: vec![KeyPath::root()] })
}

/// There is nothing smaller than the whole, and the whole is not taken out.
pub(super) fn remove(existing: &[u8], places: &[KeyPath]) -> Result<Merged, MergeError> {
    if places.contains(&KeyPath::root()) {
        let at = Position { line: 1, column: 1 };
        let what = "a text file is managed as a whole";
        return Err(MergeError::Unsupported { path: KeyPath::root(), at, what });
    }
    Ok(Merged { bytes: Zeroizing::new(existing.to_vec()), changes: Vec::new(), managed: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_becomes_the_incoming_bytes() {
        let merged = merge(b"old\r\n", b"new \xff\0").unwrap();
        assert_eq!(merged.bytes.as_slice(), b"new \xff\0");
        assert_eq!(merged.changes, [Change { path: KeyPath::root(), kind: ChangeKind::Replaced }]);
        assert_eq!(merged.managed, [KeyPath::root()]);
        assert_eq!(merge(b"", b"x").unwrap().changes[0].kind, ChangeKind::Added);
    }

    #[test]
    fn the_same_bytes_are_no_change() {
        assert!(merge(b"same", b"same").unwrap().changes.is_empty());
        assert!(merge(b"", b"").unwrap().changes.is_empty());
        assert!(!merge(b"same\n", b"same").unwrap().changes.is_empty());
    }

    #[test]
    fn the_whole_is_not_taken_out() {
        assert!(matches!(remove(b"x", &[KeyPath::root()]), Err(MergeError::Unsupported { .. })));
        let kept = remove(b"x", &[KeyPath::from_iter(["a"])]).unwrap();
        assert_eq!((kept.bytes.as_slice(), kept.changes.len()), (b"x".as_slice(), 0));
    }
}
