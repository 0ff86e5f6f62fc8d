//! Text: the whole file is the one managed value, so nothing is outside.

use proptest::prelude::*;
use vsync_core::rules::handler::{Format, MergeError, Options, merge, remove};
use vsync_core::rules::key_path::KeyPath;

use crate::cases;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_file_is_what_came_in_and_nothing_else(existing: Vec<u8>, incoming: Vec<u8>, options: bool) {
        let options = Options { delete_nulls: options };
        let merged = merge(Format::Text, &existing, &incoming, options).unwrap();
        prop_assert_eq!(&*merged.bytes, &incoming);
        prop_assert_eq!(merged.changes.is_empty(), existing == incoming);
        let again = merge(Format::Text, &merged.bytes, &incoming, options).unwrap();
        prop_assert!(again.bytes == merged.bytes && again.changes.is_empty());
    }

    #[test]
    fn nothing_is_taken_out(existing: Vec<u8>, places in prop::collection::vec("[a-c]{0,2}", 0..3), root: bool) {
        let mut places: Vec<KeyPath> = places.iter().map(|key| KeyPath::from_iter([key.as_str()])).collect();
        let kept = remove(Format::Text, &existing, &places).unwrap();
        prop_assert_eq!((&*kept.bytes, kept.changes.len()), (&existing, 0));
        if root {
            places.push(KeyPath::root());
            let refused = remove(Format::Text, &existing, &places).err();
            let whole = refused.is_some_and(|error| matches!(error, MergeError::Unsupported { .. }));
            prop_assert!(whole);
        }
    }
}
