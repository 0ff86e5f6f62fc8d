//! One case against the product: which secrets come out, or what the error says.

use serde_json::Value;
use vsync_core::dotenv::{Parsed, Policy, Warning};

use crate::vault::{self, Vault};

type Outcome = Result<(), String>;

/// A name with its bytes.
type Task = (String, Vec<u8>);

/// Runs a case.
pub(crate) fn run(case: &Value) -> Outcome {
    let vault = Vault::with(&case["files"])?;
    let text = case["env_file"].as_str().map(|text| vault.placed(text).map(String::into_bytes));
    let encoded = || case["env_file_base64"].as_str().map(vault::decode);
    let bytes = text.or_else(encoded).ok_or("no field 'env_file'")??;
    let home = vault.placed(case["home"].as_str().unwrap_or("/home/u"))?;
    let limit = case["limit"].as_u64().unwrap_or(u64::MAX);
    let read = Parsed::read(&bytes, vault.root()?, &home, &policy(case)).and_then(|parsed| {
        let found = parsed.resolve(|path| vault::fetch(path, limit))?;
        let task = |one: vsync_core::dotenv::Assignment| (one.name, one.value.expose().clone());
        Ok((found.into_iter().map(task).collect::<Vec<Task>>(), parsed.warnings))
    });
    let expect = &case["expect"];
    match (read, &expect["error_contains"], &expect["tasks"]) {
        (Err(error), Value::Null, _) => Err(format!("refused: {error}")),
        (Err(error), wanted, _) => {
            let text = error.to_string();
            words(wanted).iter().try_for_each(|word| holds(&text, &vault.placed(word)?))
        }
        (Ok(_), wanted, _) if !wanted.is_null() => Err(format!("accepted, wanted an error with {wanted}")),
        (Ok(_), _, Value::Null) => Err("the case expects neither tasks nor an error".to_owned()),
        (Ok((tasks, warnings)), _, wanted) => {
            same_tasks(tasks, wanted_tasks(wanted, &vault)?, &warnings)?;
            ["warnings", "warnings_contain"].iter().try_for_each(|field| told(&warnings, &expect[*field]))
        }
    }
}

/// The lists of `--inline-file-suffix` and `--exclude-property`, in the case itself or under `policy`.
fn policy(case: &Value) -> Policy {
    let list = |names: [&str; 3]| {
        let fields = names.iter().flat_map(|name| [&case[*name], &case["policy"][*name]]);
        fields.flat_map(words).collect::<Vec<String>>()
    };
    Policy::explicit(
        list(["inline_file_suffix", "inline_file_suffixes", "suffixes"]),
        list(["exclude_property", "exclude_properties", "excluded"]),
    )
}

/// A word, or a list of them.
fn words(value: &Value) -> Vec<String> {
    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn holds(text: &str, word: &str) -> Outcome {
    if text.contains(word) { Ok(()) } else { Err(format!("no '{word}' in: {text}")) }
}

fn wanted_tasks(tasks: &Value, vault: &Vault) -> Result<Vec<Task>, String> {
    let task = |task: &Value| {
        let name = task["key"].as_str().ok_or("a task without a key")?.to_owned();
        let bytes = vault::decode(task["value_base64"].as_str().ok_or("a task without a value")?)?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok((name, vault.placed(&text)?.into_bytes())),
            Err(binary) => Ok((name, binary.into_bytes())),
        }
    };
    tasks.as_array().ok_or("no list of tasks")?.iter().map(task).collect()
}

/// A key that stands twice has no place in the order that the format sets: such files are compared
/// without it.
fn same_tasks(mut got: Vec<Task>, mut wanted: Vec<Task>, warnings: &[Warning]) -> Outcome {
    if warnings.iter().any(|warning| warning.text.contains(" stands again ")) {
        got.sort();
        wanted.sort();
    }
    let shown = |tasks: &[Task]| {
        let task = |(name, value): &Task| format!("{name}={:?}", String::from_utf8_lossy(value));
        tasks.iter().map(task).collect::<Vec<_>>()
    };
    if got == wanted { Ok(()) } else { Err(format!("got {:?}, wanted {:?}", shown(&got), shown(&wanted))) }
}

/// A number is how many warnings there are, or, in a list, a line that has one; a word is in one of them.
fn told(warnings: &[Warning], wanted: &Value) -> Outcome {
    let texts: Vec<String> =
        warnings.iter().map(|warning| format!("line {}: {}", warning.line, warning.text)).collect();
    let list = wanted.as_array().map_or(&[][..], Vec::as_slice);
    let lines = list.iter().filter_map(Value::as_u64);
    let unheard = lines.map(|line| format!("line {line}:")).chain(words(wanted));
    let missing: Vec<String> =
        unheard.filter(|word| !texts.iter().any(|text| text.contains(word.as_str()))).collect();
    let number = wanted.as_u64().is_none_or(|number| number == texts.len() as u64);
    if missing.is_empty() && number {
        Ok(())
    } else {
        Err(format!("wanted the warnings {wanted}, not heard {missing:?}, got {texts:?}"))
    }
}
