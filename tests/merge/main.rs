//! Every case of `tests/cases/merge*.json` as a test of its own name. With `VSYNC_MERGE_CASES` set, the
//! cases of that file are run instead.
#![expect(clippy::disallowed_methods, reason = "a test reads its cases from files")]
#![expect(clippy::disallowed_macros, reason = "a test runner reports what it found")]

mod case;
mod judge;
mod read;
mod trace;
mod value;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

use case::Case;
use value::Value;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let given = std::env::var_os("VSYNC_MERGE_CASES").map(PathBuf::from);
    let own = given.is_none();
    let files = given.map_or_else(own_files, |file| vec![file]);
    let mut trials: Vec<Trial> = files.iter().flat_map(|file| of_file(file, own)).collect();
    if trials.is_empty() {
        trials.push(failing("cases", "there are no files".to_owned()));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// `merge*.json` beside the other cases.
fn own_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases");
    let ours = |path: &PathBuf| {
        path.extension().is_some_and(|end| end == "json")
            && path.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with("merge"))
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(ours).collect();
    files.sort();
    files
}

fn of_file(file: &Path, own: bool) -> Vec<Trial> {
    match cases(file) {
        Ok(cases) if cases.is_empty() => {
            vec![failing("cases", format!("{} holds none", file.display()))]
        }
        Ok(cases) => {
            eprintln!("{} cases found in {}", cases.len(), file.display());
            let judged = cases.iter().filter(|_| own).filter_map(judgement);
            cases.iter().enumerate().map(|(number, case)| trial(number, case)).chain(judged).collect()
        }
        Err(error) => vec![failing("cases", format!("{}: {error}", file.display()))],
    }
}

/// The list in the file, or the one under `cases`.
fn cases(file: &Path) -> Result<Vec<Value>, String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    match read::json::read(read::text(&bytes)?, false)? {
        Value::List(cases) => Ok(cases),
        other => match other.field("cases") {
            Some(Value::List(cases)) => Ok(cases.clone()),
            _ => Err("no list of cases".to_owned()),
        },
    }
}

fn trial(number: usize, case: &Value) -> Trial {
    match Case::of(case) {
        Ok(case) => Trial::test(case.id.clone(), move || judge::case(&case).map_err(Failed::from)),
        Err(error) => failing(&format!("unreadable-{number}"), error),
    }
}

/// The judges themselves: they accept the right answer that the case names, and do not accept the old file
/// where that is not it.
fn judgement(case: &Value) -> Option<Trial> {
    let valid = case.field("a_valid_result")?.text()?.as_bytes().to_vec();
    let case = Case::of(case).ok()?;
    let name = format!("judges::{}", case.id);
    Some(Trial::test(name, move || {
        judge::result(&case, &valid)?;
        if valid != case.existing && judge::result(&case, &case.existing).is_ok() {
            return Err(Failed::from("the old file was accepted as a result"));
        }
        Ok(())
    }))
}

fn failing(name: &str, why: String) -> Trial {
    Trial::test(name, move || Err(Failed::from(why)))
}
