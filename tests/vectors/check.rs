//! One vector against the product: what must come out, or which error kind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vsync_core::format::bundle::{self, Limits, OpenError, Opened};
use vsync_core::format::envconfig::{EnvConfig, EnvConfigError};
use vsync_core::format::seal::{self, SealError, SealForm};
use vsync_core::format::share::{self, ShareError};
use vsync_core::format::token::{self, TokenError};
use vsync_core::format::{audit, envelope, pointer};
use vsync_core::relpath::RelPath;
use vsync_core::version::Version;
use zeroize::Zeroizing;

use crate::keys;

type Outcome = Result<(), String>;

/// Runs a vector.
pub(crate) fn vector(case: &Value) -> Outcome {
    let input = bytes(case, "input_b64")?;
    match text(case, "format") {
        "rqe1" => rqe1(case, &input),
        "rqem0001" => rqem0001(case, &input),
        "bundle" => bundle(case, &input),
        "sls1" => sls1(case, &input),
        "token" => token(case, &input),
        "pointer" => pointer(case, &input),
        "audit" => audit(case, &input),
        "envconfig" => envconfig(case, &input),
        other => Err(format!("no reader for the format '{other}'")),
    }
}

/// A text field; empty when it is not there.
pub(crate) fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_default()
}

fn bytes(case: &Value, field: &str) -> Result<Vec<u8>, String> {
    let text = case[field].as_str().ok_or_else(|| format!("no field '{field}'"))?;
    STANDARD.decode(text).map_err(|error| format!("{field}: {error}"))
}

fn same<T: PartialEq + Debug>(what: &str, got: T, wanted: T) -> Outcome {
    let shown = |value: &T| format!("{value:?}").chars().take(400).collect::<String>();
    if got == wanted {
        Ok(())
    } else {
        Err(format!("{what}: got {}, wanted {}", shown(&got), shown(&wanted)))
    }
}

/// Settles the error side of a case, and that its expectation has no field that goes unchecked.
/// `Some` is a success that was wanted, still to be compared.
fn settle<T, E: Debug>(
    case: &Value,
    result: Result<T, E>,
    kind: impl Fn(&E) -> &'static str,
    fields: &[&str],
) -> Result<Option<T>, String> {
    let expect = case["expect"].as_object().ok_or("no field 'expect'")?;
    match (result, expect.get("error").and_then(Value::as_str)) {
        (Err(error), Some(wanted)) => {
            same("error kind", kind(&error), wanted)?;
            same("fields beside the error", expect.len(), 1)?;
            Ok(None)
        }
        (Err(error), None) => Err(format!("refused: {error:?}")),
        (Ok(_), Some(wanted)) => Err(format!("accepted, wanted the error '{wanted}'")),
        (Ok(value), None) => {
            let mut wanted: Vec<_> = expect.keys().map(String::as_str).collect();
            let mut known = fields.to_vec();
            wanted.sort_unstable();
            known.sort_unstable();
            same("fields of the expectation", wanted, known)?;
            Ok(Some(value))
        }
    }
}

fn rqe1(case: &Value, input: &[u8]) -> Outcome {
    keys::with(text(case, "password"), text(case, "salt"), |key| {
        let result = envelope::decrypt(key, input);
        let Some(plaintext) = settle(case, result, |error| error.kind(), &["plaintext_b64"])? else {
            return Ok(());
        };
        same("plaintext", plaintext.as_slice(), &bytes(&case["expect"], "plaintext_b64")?)?;
        let iv = input[4..16].try_into().map_err(|_| "no IV")?;
        same("written again", envelope::encrypt(key, iv, plaintext).as_deref(), Ok(input))
    })
}

fn rqem0001(case: &Value, input: &[u8]) -> Outcome {
    // Some cases name a pointer that is itself no date: then the seal alone has to be refused.
    let result = match text(case, "pointer_ts").parse() {
        Ok(expected) => seal::read(input, expected),
        Err(_) => seal::parse(input),
    };
    let kind = |error: &SealError| error.kind();
    let Some(sealed) = settle(case, result, kind, &["ts", "payload_b64"])? else { return Ok(()) };
    let payload = bytes(&case["expect"], "payload_b64")?;
    same("ts", sealed.version.to_string().as_str(), text(&case["expect"], "ts"))?;
    same("payload", &input[sealed.payload.clone()], payload.as_slice())?;
    if sealed.form == SealForm::Documented && input[sealed.payload.start - 1] == 0 {
        let again = seal::write(sealed.version, Zeroizing::new(payload));
        same("written again", again.as_slice(), input)?;
    }
    Ok(())
}

fn bundle(case: &Value, input: &[u8]) -> Outcome {
    let limit = |field: &str, default: u64| case[field].as_u64().unwrap_or(default);
    let defaults = Limits::default();
    let limits = Limits {
        bundle: limit("limit_bundle", defaults.bundle),
        uncompressed: limit("limit_uncompressed", defaults.uncompressed),
        entries: usize::try_from(limit("limit_entries", defaults.entries as u64)).unwrap_or(usize::MAX),
    };
    let version: Version = text(case, "pointer_ts").parse().map_err(|error| format!("{error}"))?;
    keys::with(text(case, "password"), text(case, "salt"), |key| {
        let result = bundle::open(input, key, version, limits, text(case, "vault_folder"));
        let Some(opened) = settle(case, result, OpenError::kind, &["files", "dirs"])? else {
            return Ok(());
        };
        let expect = &case["expect"];
        same("files", files(&opened), wanted_files(expect)?)?;
        folders(&opened, expect)?;
        let packed = bundle::pack(&opened.snapshot, version, key, [7; 12]).map_err(|e| e.to_string())?;
        let again = bundle::open(&packed, key, version, limits, "").map_err(|e| e.to_string())?;
        same("packed again", again.snapshot, opened.snapshot)
    })
}

type Files = BTreeMap<String, (Vec<u8>, String)>;

fn files(opened: &Opened) -> Files {
    let files = opened.snapshot.files.iter().map(|(path, file)| {
        (path.as_str().to_owned(), (file.content.to_vec(), format!("0o{:o}", file.mode)))
    });
    files.collect()
}

fn wanted_files(expect: &Value) -> Result<Files, String> {
    let mut files = BTreeMap::new();
    for file in expect["files"].as_array().ok_or("no list of files")? {
        let content = (bytes(file, "data_b64")?, text(file, "mode").to_owned());
        files.insert(text(file, "path").to_owned(), content);
        same("fields of a file", file.as_object().map_or(0, serde_json::Map::len), 3)?;
    }
    Ok(files)
}

/// A vector lists the folders that have an entry of their own, empty or not: each of them must
/// be there, and each empty folder must be listed.
fn folders(opened: &Opened, expect: &Value) -> Outcome {
    let wanted = expect["dirs"].as_array().ok_or("no list of folders")?;
    let wanted: BTreeSet<&str> =
        wanted.iter().filter_map(Value::as_str).map(|dir| dir.trim_end_matches('/')).collect();
    let empty: BTreeSet<&str> = opened.snapshot.empty_dirs.iter().map(RelPath::as_str).collect();
    same("folders nobody listed", empty.difference(&wanted).next(), None)?;
    let paths = || opened.snapshot.files.keys().chain(&opened.snapshot.empty_dirs);
    let holds = |dir: &str| paths().any(|path| path.as_str().starts_with(&format!("{dir}/")));
    let missing = wanted.difference(&empty).find(|dir| !holds(dir));
    same("folders that are missing", missing, None)
}

fn sls1(case: &Value, input: &[u8]) -> Outcome {
    let passphrase = text(case, "passphrase");
    let result = share::salt_of(input)
        .and_then(|salt| keys::with(passphrase, salt, |key| share::read_with(input, key)));
    let Some(share) = settle(case, result, ShareError::kind, &["payload"])? else { return Ok(()) };
    let wanted = &case["expect"]["payload"];
    let version = wanted["version"].as_u64().filter(|version| [1, 2].contains(version));
    let got = json!({
        "version": version,
        "repo": share.repo,
        "env": share.env,
        "config": rewritten(&share.config)?,
        "key": share.key.expose(),
    });
    same("payload", &got, wanted)
}

fn token(case: &Value, input: &[u8]) -> Outcome {
    let Some(token) = settle(case, token::read(input), TokenError::kind, &["config"])? else {
        return Ok(());
    };
    let mut got = serde_json::to_value(&token).map_err(|error| error.to_string())?;
    got["v"] = 1.into();
    same("config", &got, &case["expect"]["config"])?;
    let again = token::read(token::write(&token).expose().as_bytes());
    same("written again", again, Ok(token))
}

fn pointer(case: &Value, input: &[u8]) -> Outcome {
    let metadata: BTreeMap<String, String> =
        serde_json::from_value(case["metadata"].clone()).map_err(|error| error.to_string())?;
    let result = pointer::read(input, &metadata);
    let fields = ["ts", "gen", "prev_gen", "rotated_at"];
    let Some(pointer) = settle(case, result, |error| error.kind(), &fields)? else { return Ok(()) };
    let got = json!({
        "ts": pointer.version,
        "gen": pointer.generation,
        "prev_gen": pointer.prev_generation,
        "rotated_at": pointer.rotated_at.map(|at| format!("{at:.3}")),
    });
    same("pointer", &got, &case["expect"])?;
    same("generation of a HEAD", pointer::generation_of(&metadata), pointer.generation)?;
    same("written again", pointer::read(&pointer.body(), &pointer.metadata()), Ok(pointer))
}

fn audit(case: &Value, input: &[u8]) -> Outcome {
    let rows: Result<_, String> = Ok(audit::read(input));
    let Some(rows) = settle(case, rows, |_| "", &["rows"])? else { return Ok(()) };
    let rows = serde_json::to_value(rows).map_err(|error| error.to_string())?;
    same("rows", &rows, &case["expect"]["rows"])
}

fn envconfig(case: &Value, input: &[u8]) -> Outcome {
    let result = EnvConfig::read(input);
    let Some(config) = settle(case, result, EnvConfigError::kind, &["config"])? else { return Ok(()) };
    same("after a rewrite", &rewritten(&config)?, &case["expect"]["config"])
}

/// The JSON of a configuration as it is written, unpacked without the product's help.
pub(crate) fn rewritten(config: &EnvConfig) -> Result<Value, String> {
    let mut json = Vec::new();
    flate2::read::GzDecoder::new(config.write().as_slice())
        .read_to_end(&mut json)
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&json).map_err(|error| error.to_string())
}
