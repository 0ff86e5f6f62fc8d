//! What is asserted about any input at all, per format.
//!
//! The fuzzer's targets call these, and `corpus.rs` replays the committed corpora through them.
//! Nothing may panic; what is accepted has to survive being written and read again.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use vsync_core::dotenv::{Parsed, Policy, Unreadable};
use vsync_core::format::audit::{self, Action, Meta, Row};
use vsync_core::format::bundle::{self, BundleError, Limits};
use vsync_core::format::envconfig::EnvConfig;
use vsync_core::format::envelope::{self, Key};
use vsync_core::format::seal::{self, SealForm};
use vsync_core::format::{pointer, share, token};
use vsync_core::rules::handler::{self, Format, Options};
use vsync_core::vault::snapshot::Snapshot;
use vsync_core::version::Version;
use zeroize::Zeroizing;

const IV: [u8; 12] = [7; 12];

/// Small enough that an input which is a bomb does not slow the search down.
const LIMITS: Limits = Limits { bundle: 1 << 20, uncompressed: 1 << 20, entries: 512 };

/// A key that costs nothing, so that inputs can be encrypted under it.
fn key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::derive("fuzz", "corpus", 1))
}

fn version() -> Version {
    "20260523-114201".parse().expect("a date")
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).expect("writes into memory");
    encoder.finish().expect("writes into memory")
}

/// As ciphertext, and as plaintext.
pub fn envelope(data: &[u8]) {
    if let Ok(plaintext) = envelope::decrypt(key(), data) {
        let iv = data[4..16].try_into().expect("an opened envelope has an IV");
        assert_eq!(envelope::encrypt(key(), iv, plaintext).expect("short"), data);
    }
    let sealed = envelope::encrypt(key(), IV, Zeroizing::new(data.to_vec())).expect("short");
    assert_eq!(envelope::decrypt(key(), &sealed).expect("just written").as_slice(), data);
}

/// As a seal, and as a payload.
pub fn seal(data: &[u8]) {
    if let Ok(sealed) = seal::parse(data) {
        let payload = &data[sealed.payload.clone()];
        let again = seal::write(sealed.version, Zeroizing::new(payload.to_vec()));
        let read_back = seal::read(&again, sealed.version).expect("just written");
        assert_eq!(read_back.form, SealForm::Documented);
        assert_eq!(&again[read_back.payload], payload);
        assert!(seal::read(data, sealed.version).is_ok());
    }
    let written = seal::write(version(), Zeroizing::new(data.to_vec()));
    assert_eq!(&written[seal::read(&written, version()).expect("just written").payload], data);
}

/// As a whole bundle under the fuzzer's key, as what is sealed, and as the zip inside.
pub fn bundle(data: &[u8]) {
    let open = |bytes: &[u8]| bundle::open(bytes, key(), version(), LIMITS, "infra/vault/dev");
    if let Ok(opened) = open(data) {
        packs(&opened.snapshot);
    }
    let enveloped = envelope::encrypt(key(), IV, Zeroizing::new(data.to_vec())).expect("short");
    if let Ok(opened) = open(&enveloped) {
        packs(&opened.snapshot);
    }
    for prefix in [None, Some("infra/vault/dev")] {
        if let Ok(snapshot) = bundle::unarchive(data, LIMITS, prefix) {
            packs(&snapshot);
        }
    }
}

/// What came out of one archive goes into another and comes out the same.
fn packs(snapshot: &Snapshot) {
    LIMITS.admit(snapshot).expect("read within these limits");
    let zip = match bundle::archive(snapshot) {
        Ok(zip) => zip,
        Err(BundleError::Unwritable(_)) => return,
        Err(error) => panic!("{error}"),
    };
    let roomy = Limits { bundle: 4 << 20, ..LIMITS };
    assert_eq!(&bundle::unarchive(&zip, roomy, None).expect("just written"), snapshot);
    match bundle::pack(snapshot, version(), key(), IV) {
        Ok(packed) => {
            let opened = bundle::open(&packed, key(), version(), roomy, "x").expect("just written");
            assert_eq!(&opened.snapshot, snapshot);
        }
        Err(BundleError::NameClash(one, other)) => assert_ne!(one, other),
        Err(error) => panic!("{error}"),
    }
}

/// As a file, as the text under encryption, and as the JSON in it.
pub fn share(data: &[u8]) {
    let file = |text: &[u8]| {
        let sealed = envelope::encrypt(key(), IV, Zeroizing::new(text.to_vec())).expect("short");
        [b"SLS1\x04salt".as_slice(), &sealed].concat()
    };
    let packed = STANDARD.encode(gzip(data));
    for bytes in [data, &file(data), &file(packed.as_bytes())] {
        let _ = share::salt_of(bytes);
        if let Ok(share) = share::read_with(bytes, key()) {
            let written = share::write_with(&share, key(), "salt", IV).expect("a good salt");
            assert_eq!(share::read_with(&written, key()), Ok(share));
        }
    }
}

/// As a token, and as the JSON in one.
pub fn token(data: &[u8]) {
    let packed = format!("vsync-cfg-v1:{}", URL_SAFE_NO_PAD.encode(gzip(data)));
    for bytes in [data, packed.as_bytes()] {
        if let Ok(token) = token::read(bytes) {
            assert_eq!(token::read(token::write(&token).expose().as_bytes()), Ok(token));
        }
    }
}

/// The body, then names and values in turn, NUL between all of them.
pub fn pointer(data: &[u8]) {
    let mut parts = data.split(|&byte| byte == 0);
    let body = parts.next().unwrap_or_default();
    let mut metadata = BTreeMap::new();
    while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        metadata.insert(text(name), text(value));
    }
    if let Ok(pointer) = pointer::read(body, &metadata) {
        assert_eq!(pointer.generation, pointer::generation_of(&metadata));
        assert!(pointer::next_generation(pointer.generation) <= pointer::MAX_GENERATION);
        let written = pointer.metadata();
        assert!(written.values().all(|value| value.bytes().all(|byte| byte.is_ascii_graphic())));
        assert_eq!(pointer::read(&pointer.body(), &written), Ok(pointer));
    }
}

/// As a file that a row is appended to.
pub fn audit(data: &[u8]) {
    let before = audit::read(data).len();
    let row = Row {
        ts: version().instant(),
        action: Action::Push,
        version: Some(version()),
        hostname: "a,\"b\"\r\nc".into(),
        local_ip: "::1".into(),
        os_user: String::new(),
        git_email: "a@b".into(),
        vsync_version: "0.1.0".into(),
        meta: Meta::from_iter([("note".to_owned(), "=1".into())]),
    };
    let Ok(file) = audit::append(Some(data), std::slice::from_ref(&row)) else { return };
    assert!(file.starts_with(data) || data.trim_ascii().is_empty());
    let rows = audit::read(&file);
    if rows.len() > before {
        assert_eq!(rows.len(), before + 1);
        assert_eq!(rows[before].ts, "2026-05-23T11:42:01.000Z");
        assert_eq!(rows[before].action, "push");
    }
    assert_eq!(audit::append(Some(&file), &[row]).expect("took it before"), file);
}

/// As a file, and as the JSON in it.
pub fn envconfig(data: &[u8]) {
    for config in [EnvConfig::read(data), EnvConfig::from_json(data)].into_iter().flatten() {
        assert_eq!(EnvConfig::read(&config.write()), Ok(config));
    }
}

/// Two documents with a NUL between them: the file and what is merged into it. What is accepted has to be
/// stable: merging again changes nothing, and taking the added places out again does not fail.
fn merge(format: Format, data: &[u8]) {
    let cut = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (existing, incoming) = (&data[..cut], data.get(cut + 1..).unwrap_or_default());
    for options in [Options::default(), Options { delete_nulls: true }] {
        let Ok(merged) = handler::merge(format, existing, incoming, options) else { continue };
        let again = handler::merge(format, &merged.bytes, incoming, options).expect("merges again");
        assert!(again.changes.is_empty(), "{:?}", again.changes);
        assert!(again.bytes == merged.bytes, "merging twice changed the file");
        let places: Vec<_> = merged.changes.iter().map(|change| change.path.clone()).collect();
        let _ = handler::remove(format, &merged.bytes, &places);
    }
}

/// As the file and the data of a merge.
pub fn merge_yaml(data: &[u8]) {
    merge(Format::Yaml, data);
}

/// As the file and the data of a merge.
pub fn merge_json(data: &[u8]) {
    merge(Format::Json, data);
}

/// As the file and the data of a merge.
pub fn merge_ini(data: &[u8]) {
    merge(Format::Ini, data);
}

/// As the file and the data of a merge.
pub fn merge_toml(data: &[u8]) {
    merge(Format::Toml, data);
}

/// As the file and the data of a merge.
pub fn merge_text(data: &[u8]) {
    merge(Format::Text, data);
}

/// As the file and the data of a merge.
pub fn merge_netrc(data: &[u8]) {
    merge(Format::Netrc, data);
}

/// As an env file, with placeholders that stand for themselves. What is read has to survive being written in
/// quotes, and every reference that fails is named.
pub fn env_file(data: &[u8]) {
    let read = |bytes: &[u8]| Parsed::read(bytes, "${VAULT_ROOT}", "${HOME}", &Policy::default());
    let Ok(parsed) = read(data) else { return };
    let mut references = 0;
    let found = parsed.resolve(|path| {
        assert!(path.starts_with('/') || path.starts_with("${"), "{path}");
        references += 1;
        Err(Unreadable::NotFound)
    });
    match found {
        Ok(found) => assert!(references == 0 && found.len() == parsed.entries.len()),
        Err(error) => assert!(error.to_string().contains(&format!("{references} file reference(s)"))),
    }
    let mut again = Vec::new();
    for (key, value) in &parsed.values {
        writeln!(again, "export {key}=\"{}\"", value.expose()).expect("writes into memory");
    }
    assert_eq!(read(&again).expect("read before").values, parsed.values);
}
