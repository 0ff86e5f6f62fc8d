//! Archives as other tools make them, and as nobody should.

use std::io::{Cursor, Write as _};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::*;
use crate::format::properties::{config, snapshot};
use crate::vault::snapshot::SnapshotFile;

type Entries<'a> = &'a [(&'a str, &'a [u8])];

/// A zip of another writer, each entry stored.
fn zip(entries: Entries<'_>) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in entries {
        if name.ends_with('/') {
            writer.add_directory(*name, options).unwrap();
        } else {
            writer.start_file(*name, options).unwrap();
            writer.write_all(content).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

fn read(zip: &[u8]) -> Result<Snapshot, BundleError> {
    unarchive(zip, Limits::default(), None)
}

fn names(snapshot: &Snapshot) -> Vec<String> {
    let dirs = snapshot.empty_dirs.iter().map(|dir| format!("{dir}/"));
    snapshot.files.keys().map(ToString::to_string).chain(dirs).collect()
}

fn file(content: &[u8]) -> SnapshotFile {
    SnapshotFile { mode: 0o640, mtime: 1_779_536_521, content: content.to_vec().into() }
}

fn folder(files: Entries<'_>) -> Snapshot {
    let files = files.iter().map(|(name, content)| (RelPath::new(name).unwrap(), file(content)));
    Snapshot { files: files.collect(), ..Snapshot::default() }
}

/// Where the first directory record begins.
fn record(zip: &[u8]) -> usize {
    zip.windows(4).position(|window| window == b"PK\x01\x02").unwrap()
}

#[test]
fn other_readers_understand_what_is_written() {
    let mut written = folder(&[("tls/key", b"k"), ("ключ", &[b'x'; 500])]);
    written.empty_dirs.insert(RelPath::new("none").unwrap());
    let mut zip = ZipArchive::new(Cursor::new(archive(&written).unwrap().to_vec())).unwrap();
    let mut seen = Vec::new();
    for index in 0..zip.len() {
        let entry = zip.by_index(index).unwrap();
        let (name, mode) = (entry.name().unwrap().into_owned(), entry.unix_mode().unwrap());
        seen.push(format!("{name} {mode:o} {:?}", entry.compression()));
    }
    assert_eq!(seen, ["none/ 40700 Stored", "tls/key 100640 Stored", "ключ 100640 Deflated"]);
}

/// Bytes that do not shrink.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn what_does_not_shrink_is_stored() {
    let text = |len: usize| b"KEY=value\n".iter().copied().cycle().take(len).collect::<Vec<u8>>();
    let shapes = [
        ("a key", noise(3_000), false),
        ("a large key", noise(2_000_000), false),
        ("a text", text(3_000), true),
        ("a large text", text(2_000_000), true),
        ("a text before noise", [text(1_000_000), noise(1_000_000)].concat(), true),
        ("noise before a text", [noise(1_000_000), text(1_000_000)].concat(), true),
        ("noise that a text ends", [noise(1_000_000), text(100_000)].concat(), true),
        ("no gain at all", b"abc".to_vec(), false),
        ("nothing", Vec::new(), false),
    ];
    for (what, content, shrinks) in shapes {
        let zip = archive(&folder(&[("a", &content)])).unwrap();
        let mut read = ZipArchive::new(Cursor::new(zip.to_vec())).unwrap();
        let method = if shrinks { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        assert_eq!(read.by_index(0).unwrap().compression(), method, "{what}");
        let most = if shrinks { content.len() } else { content.len() + 300 };
        assert!(zip.len() < most, "{what}: {} bytes became {}", content.len(), zip.len());
        assert_eq!(unarchive(&zip, Limits::default(), None).unwrap().files["a"].content[..], content[..]);
    }
}

#[test]
fn equal_folders_give_equal_bytes_that_never_move() {
    let content: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let snapshot = folder(&[("a", &content), ("b", b""), ("c", b"c")]);
    let zip = archive(&snapshot).unwrap();
    assert_eq!(*zip, *archive(&snapshot).unwrap());
    assert!(zip.capacity() - zip.len() >= seal::OVERHEAD + envelope::OVERHEAD);
}

#[test]
fn names_that_leave_the_folder_are_refused_whole() {
    for name in ["/a", "../a", "a/../b", "a\\b", "c:a", "a//b", "./a", "a/./b", "..", "a\0b"] {
        let error = read(&zip(&[("fine", b"1"), (name, b"2")])).unwrap_err();
        assert_eq!(error.kind(), "unsafe_archive", "{name:?}: {error}");
    }
}

#[test]
fn a_name_is_a_file_or_a_folder_and_only_once() {
    for entries in
        [[("a", b"1".as_slice()), ("a/", b"")], [("a", b"1"), ("a/b", b"2")], [("a/b", b"2"), ("a", b"1")]]
    {
        assert_eq!(read(&zip(&entries)).unwrap_err().kind(), "unsafe_archive", "{entries:?}");
    }
    // Other names sort between a folder and what lies in it.
    assert_eq!(names(&read(&zip(&[("a", b""), ("a.b", b""), ("a-b/c", b"")])).unwrap()).len(), 3);
}

#[test]
fn only_folders_with_nothing_in_them_are_kept() {
    let entries: Entries<'_> =
        &[("a/", b""), ("a/b/", b""), ("c/", b""), ("c/d", b"1"), ("c.d/", b""), ("e/", b"")];
    assert_eq!(names(&read(&zip(entries)).unwrap()), ["c/d", "a/b/", "c.d/", "e/"]);
}

#[test]
fn a_header_that_lies_about_a_size_costs_nothing() {
    let honest = zip(&[("a", b"hello")]);
    let at = record(&honest) + 24;
    for size in [0_u32, 4, 6, u32::MAX - 1] {
        let mut lying = honest.clone();
        lying[at..at + 4].copy_from_slice(&size.to_le_bytes());
        assert_eq!(read(&lying).unwrap_err().kind(), "corrupt_archive", "{size}");
    }
    // What counts is what comes out, also when the header claims less.
    let packed = archive(&folder(&[("a", &[0; 100_000])])).unwrap();
    let at = record(&packed) + 24;
    let mut lying = packed.to_vec();
    lying[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
    let limits = Limits { uncompressed: 50_000, ..Limits::default() };
    assert_eq!(unarchive(&lying, limits, None).unwrap_err().kind(), "too_large");
}

#[test]
fn limits_hold_to_the_byte_and_the_entry() {
    let zip = archive(&folder(&[("a", &[0; 1000]), ("b", &[1; 1000])])).unwrap();
    let exact = Limits { bundle: zip.len() as u64, uncompressed: 2000, entries: 2 };
    assert!(unarchive(&zip, exact, None).is_ok());
    for (limits, met) in [
        (Limits { bundle: exact.bundle - 1, ..exact }, TooLarge::Bundle(exact.bundle - 1)),
        (Limits { uncompressed: 1999, ..exact }, TooLarge::Uncompressed(1999)),
        (Limits { entries: 1, ..exact }, TooLarge::Entries(1)),
    ] {
        assert_eq!(unarchive(&zip, limits, None), Err(BundleError::TooLarge(met)));
    }
    let snapshot = unarchive(&zip, exact, None).unwrap();
    assert!(exact.admit(&snapshot).is_ok());
    assert!(Limits { entries: 1, ..exact }.admit(&snapshot).is_err());
    assert!(Limits { uncompressed: 1999, ..exact }.admit(&snapshot).is_err());
}

#[test]
fn more_entries_than_the_plain_end_record_can_count() {
    let entries: Vec<_> = (0..Limits::default().entries).map(|n| format!("{n:05}")).collect();
    let mut snapshot = Snapshot::default();
    snapshot.files.extend(entries.iter().map(|name| (RelPath::new(name).unwrap(), file(b""))));
    let zip = archive(&snapshot).unwrap();
    assert_eq!(read(&zip).unwrap(), snapshot);
    snapshot.files.insert(RelPath::new("one-more").unwrap(), file(b""));
    let zip = archive(&snapshot).unwrap();
    assert_eq!(read(&zip).unwrap_err(), BundleError::TooLarge(TooLarge::Entries(entries.len())));
}

#[test]
fn the_classic_prefix_goes_only_when_everything_has_it() {
    let stripped = |entries: Entries<'_>, prefix: &str| {
        unarchive(&zip(entries), Limits::default(), Some(prefix)).map(|snapshot| names(&snapshot))
    };
    let all: Entries<'_> = &[("v/", b""), ("v/dev/", b""), ("v/dev/.env", b"1"), ("v/dev/tls/k", b"2")];
    for prefix in ["v/dev", "v/dev/", "./v/dev"] {
        assert_eq!(stripped(all, prefix).unwrap(), [".env", "tls/k"], "{prefix}");
    }
    assert_eq!(stripped(all, "v/de").unwrap(), ["v/dev/.env", "v/dev/tls/k"]);
    let some: Entries<'_> = &[("v/dev/a", b"1"), ("b", b"2")];
    assert_eq!(stripped(some, "v/dev").unwrap(), ["b", "v/dev/a"]);
    assert_eq!(stripped(&[("v/", b""), ("v/dev/", b"")], "v/dev").unwrap(), [""; 0]);
    let drive = stripped(&[("v/dev/c:x", b"1")], "v/dev");
    assert_eq!(drive.unwrap_err().kind(), "unsafe_archive");
}

#[test]
fn names_one_file_system_would_merge_are_not_published() {
    let key = Key::derive("a", "b", 1);
    let version = "20260523-114201".parse().unwrap();
    let clash = folder(&[("Key", b"1"), ("key", b"2")]);
    let error = pack(&clash, version, &key, [1; 12]).unwrap_err();
    assert_eq!(error.to_string(), "'Key' and 'key' differ only by case or Unicode form; rename one");
    // A backup of such a folder is still possible.
    assert_eq!(read(&archive(&clash).unwrap()).unwrap(), clash);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_archive_gives_back_its_folder(snapshot in snapshot("\\PC{1,6}")) {
        let zip = archive(&snapshot).unwrap();
        prop_assert_eq!(read(&zip).unwrap(), snapshot);
    }

    #[test]
    fn a_bundle_opens_for_its_key_and_version_only(snapshot in snapshot("[a-z0-9é._-]{1,5}"), later: bool) {
        let key = Key::derive("a", "b", 1);
        let version: Version = "20260523-114201".parse().unwrap();
        let packed = pack(&snapshot, version, &key, [1; 12]).unwrap();
        let asked = if later { version.successor() } else { version };
        match open(&packed, &key, asked, Limits::default(), "x") {
            Ok(opened) => {
                prop_assert!(!later);
                prop_assert_eq!(opened, Opened { snapshot, form: SealForm::Documented });
            }
            Err(error) => prop_assert_eq!((later, error.kind()), (true, "timestamp_mismatch")),
        }
        let other = Key::derive("a", "c", 1);
        let refused = open(&packed, &other, version, Limits::default(), "x").unwrap_err();
        prop_assert_eq!(refused.kind(), "wrong_key");
    }

    #[test]
    fn a_changed_byte_never_opens(
        snapshot in snapshot("[a-z]{1,3}"),
        at: prop::sample::Index,
        flip in 1_u8..,
    ) {
        let key = Key::derive("a", "b", 1);
        let version = "20260523-114201".parse().unwrap();
        let mut packed = pack(&snapshot, version, &key, [1; 12]).unwrap();
        let at = at.index(packed.len());
        packed[at] ^= flip;
        prop_assert!(open(&packed, &key, version, Limits::default(), "x").is_err());
    }

    #[test]
    fn a_damaged_zip_is_refused_or_read_but_never_panics(
        snapshot in snapshot("[a-z]{1,3}"),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut: prop::sample::Index,
    ) {
        let mut zip = archive(&snapshot).unwrap().to_vec();
        for (at, byte) in damage {
            let at = at.index(zip.len());
            zip[at] = byte;
        }
        let _ = read(&zip);
        let _ = read(&zip[..cut.index(zip.len())]);
    }
}
