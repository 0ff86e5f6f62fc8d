//! Rows of every kind through the file and back.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::format::properties::config;

fn rows() -> impl Strategy<Value = Row> {
    let action = prop::sample::select(vec![
        Action::Push,
        Action::Pull,
        Action::Import,
        Action::Export,
        Action::Rotate,
        Action::Sync,
    ]);
    let texts = any::<[String; 5]>();
    let meta = prop::collection::btree_map(any::<String>(), any::<String>(), 0..3);
    (0..=4_000_000_000_000_i64, action, any::<bool>(), texts, meta).prop_map(row)
}

fn row(parts: (i64, Action, bool, [String; 5], BTreeMap<String, String>)) -> Row {
    let (at, action, versioned, [hostname, local_ip, os_user, git_email, vsync_version], meta) = parts;
    let ts = Timestamp::from_millisecond(at).unwrap();
    let meta = meta.into_iter().map(|(name, value)| (name, value.into())).collect();
    let version = versioned.then(|| Version::at(ts));
    Row { ts, action, version, hostname, local_ip, os_user, git_email, vsync_version, meta }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn rows_read_back_and_a_retry_adds_nothing(rows in prop::collection::vec(rows(), 1..5)) {
        let file = append(None, &rows).unwrap();
        let read_back = read(&file);
        let mut wanted: Vec<&Row> = Vec::new();
        for row in &rows {
            if !wanted.contains(&row) {
                wanted.push(row);
            }
        }
        prop_assert_eq!(read_back.len(), wanted.len());
        for (got, row) in read_back.iter().zip(wanted) {
            prop_assert_eq!(&got.ts, &row.cell("ts"));
            prop_assert_eq!(&got.action, row.action.as_str());
            prop_assert_eq!(&got.hostname, &row.hostname);
            prop_assert_eq!(&got.os_user, &row.os_user);
            prop_assert_eq!(&got.git_email, &row.git_email);
            prop_assert_eq!(&got.meta, &row.cell("meta"));
            prop_assert!(got.bun_version.is_empty());
        }
        prop_assert_eq!(append(Some(&file), &rows).unwrap(), file);
    }

    #[test]
    fn one_at_a_time_gives_the_same_file(rows in prop::collection::vec(rows(), 1..4)) {
        let mut file = append(None, &[]).unwrap();
        for row in &rows {
            file = append(Some(&file), std::slice::from_ref(row)).unwrap();
        }
        prop_assert_eq!(file, append(None, &rows).unwrap());
    }

    #[test]
    fn a_waiting_row_survives_the_spool(row in rows()) {
        let text = serde_json::to_string(&row).unwrap();
        prop_assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
    }
}
