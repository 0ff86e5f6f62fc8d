//! An env file that was understood.

use std::collections::{BTreeMap, HashMap};

use super::line::{self, Line};
use super::placeholder::Places;
use super::{Conflict, DotenvError, Policy, Unreadable, Unresolved, reference};
use crate::secret::Secret;

/// An env file that was understood.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    /// What is to be pushed, in the file's order; each name once.
    pub entries: Vec<Entry>,
    /// What was passed over or is doubtful, in the file's order.
    pub warnings: Vec<Warning>,
    /// All values by key after expansion, those that are never pushed too: routing and credentials are
    /// looked up here.
    pub values: BTreeMap<String, Secret<String>>,
}

/// A line that is pushed.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name in the target.
    pub name: String,
    /// The key as it stands in the file.
    pub key: String,
    /// The line, from 1.
    pub line: usize,
    /// The value.
    pub value: Value,
}

/// Where the bytes come from.
#[derive(Debug, Clone)]
pub enum Value {
    /// The line itself.
    Inline(Secret<String>),
    /// The file at this absolute path.
    File(String),
}

/// Something to tell about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line, from 1.
    pub line: usize,
    /// The text, without the value.
    pub text: String,
}

/// A secret with its bytes at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The name in the target.
    pub name: String,
    /// The line it stands on, from 1.
    pub line: usize,
    /// The bytes, whatever they are.
    pub value: Secret<Vec<u8>>,
}

/// Keys of 0.5 that were pushed under a name of their own: the key, that name, and how 0.6 spells it.
const OLD_SPELLINGS: [(&str, &str, &str); 2] = [
    ("SSH_KEY_PATH", "SSH_PRIVATE_KEY", "SSH_PRIVATE_KEY_PATH"),
    ("GCP_SA_KEY_FILE_PATH", "GCP_SA_KEY", "GCP_SA_KEY_PATH or GCP_SA_KEY_FILE"),
];

impl Parsed {
    /// Reads the file. `vault_root` is the folder that holds it and `home` the user's home folder, both
    /// absolute.
    ///
    /// # Errors
    /// [`DotenvError::NotText`]; [`DotenvError::Conflicts`] when two keys give one name (`FOO` and
    /// `FOO_PATH`). The same key twice is a warning, and the last line counts.
    pub fn read(bytes: &[u8], vault_root: &str, home: &str, policy: &Policy) -> Result<Self, DotenvError> {
        let (lines, warnings) = line::lex(bytes)?;
        let mut parsed = Self { warnings, ..Self::default() };
        let places = Places { vault_root, home };
        for line in parsed.without_repeated(lines) {
            let value = places.expand(line.value);
            parsed.take(line, &value, vault_root, policy);
            parsed.values.insert(line.key.to_owned(), value);
        }
        parsed.warnings.sort_by_key(|warning| warning.line);
        parsed.refuse_conflicts()?;
        Ok(parsed)
    }

    /// Fetches what file references point to, by `read`, which gets each path once and in the file's order.
    /// All or none.
    ///
    /// # Errors
    /// [`DotenvError::Unresolved`], which names every reference that could not be read.
    pub fn resolve(
        &self,
        mut read: impl FnMut(&str) -> Result<Vec<u8>, Unreadable>,
    ) -> Result<Vec<Assignment>, DotenvError> {
        let mut assignments = Vec::with_capacity(self.entries.len());
        let mut unresolved = Vec::new();
        for Entry { name, key, line, value } in &self.entries {
            let bytes = match value {
                Value::Inline(text) => Ok(text.expose().clone().into_bytes()),
                Value::File(path) => read(path).map_err(|why| (path, why)),
            };
            match bytes {
                Ok(bytes) => {
                    let value = Secret::new(bytes);
                    assignments.push(Assignment { name: name.clone(), line: *line, value });
                }
                Err((path, why)) => {
                    unresolved.push(Unresolved { key: key.clone(), line: *line, path: path.clone(), why });
                }
            }
        }
        if unresolved.is_empty() { Ok(assignments) } else { Err(DotenvError::Unresolved(unresolved)) }
    }

    /// Of each key the last line, with a warning for the others.
    fn without_repeated<'a>(&mut self, lines: Vec<Line<'a>>) -> Vec<Line<'a>> {
        let last: HashMap<&str, usize> = lines.iter().map(|line| (line.key, line.number)).collect();
        let mut kept = Vec::with_capacity(last.len());
        for line in lines {
            match last.get(line.key) {
                Some(number) if *number != line.number => {
                    self.warn(
                        line,
                        format!("{} stands again on line {number}, and that one counts", line.key),
                    );
                }
                _ => kept.push(line),
            }
        }
        kept
    }

    /// Adds the line to what is pushed, unless the policy keeps it here.
    fn take(&mut self, line: Line<'_>, value: &Secret<String>, vault_root: &str, policy: &Policy) {
        let key = line.key;
        let stem = policy.stem(key);
        let name = stem.unwrap_or(key);
        if policy.excludes(name, key) {
            if name != key {
                self.warn(line, format!("{key} is not pushed: it would become {name}, which stays here"));
            }
            return;
        }
        if stem.is_some()
            && let Some((_, old, spelling)) = OLD_SPELLINGS.iter().find(|(old, ..)| *old == key)
        {
            self.warn(
                line,
                format!("{key} is pushed as {name}; to push it as {old}, as 0.5 did, name it {spelling}"),
            );
        }
        if stem.is_none() && value.expose().contains("-----BEGIN ") && !value.expose().contains("-----END ") {
            self.warn(
                line,
                format!("{key} holds the first line of a key or certificate only: a value ends with its line; keep it in a file and name that with {key}_FILE"),
            );
        }
        let value = match stem {
            Some(_) => Value::File(reference::locate(value.expose(), vault_root)),
            None => Value::Inline(value.clone()),
        };
        self.entries.push(Entry { name: name.to_owned(), key: key.to_owned(), line: line.number, value });
    }

    fn warn(&mut self, line: Line<'_>, text: String) {
        self.warnings.push(Warning { line: line.number, text });
    }

    fn refuse_conflicts(&self) -> Result<(), DotenvError> {
        let mut by_name: HashMap<&str, Vec<&Entry>> = HashMap::new();
        for entry in &self.entries {
            by_name.entry(&entry.name).or_default().push(entry);
        }
        let several = by_name.into_iter().filter(|(_, entries)| entries.len() > 1);
        let mut conflicts: Vec<Conflict> = several
            .map(|(name, entries)| Conflict {
                name: name.to_owned(),
                lines: entries.iter().map(|entry| (entry.line, entry.key.clone())).collect(),
            })
            .collect();
        conflicts.sort_by_key(|conflict| conflict.lines.first().map(|(line, _)| *line));
        if conflicts.is_empty() { Ok(()) } else { Err(DotenvError::Conflicts(conflicts)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Parsed, DotenvError> {
        Parsed::read(text.as_bytes(), "/v", "/h", &Policy::default())
    }

    fn names(parsed: &Parsed) -> Vec<(&str, usize)> {
        parsed.entries.iter().map(|entry| (entry.name.as_str(), entry.line)).collect()
    }

    #[test]
    fn the_last_of_a_repeated_key_counts_and_the_others_are_told() {
        let parsed = read("A=1\nB=2\nA=3\nA_FILE=x").unwrap_err();
        assert!(parsed.to_string().ends_with("\n- A: line 3 (A), line 4 (A_FILE)"), "{parsed}");
        let parsed = read("A=1\nB=2\nA=3\nA=4\n").unwrap();
        assert_eq!(names(&parsed), [("B", 2), ("A", 4)]);
        assert_eq!(parsed.values["A"].expose(), "4");
        assert_eq!(parsed.warnings.iter().map(|warning| warning.line).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(parsed.warnings[0].text, "A stands again on line 4, and that one counts");
    }

    #[test]
    fn all_names_that_two_keys_give_are_told_at_once() {
        let error = read("Z_PATH=a\nA=1\nB=2\nA_FILE=a\nZ_FILE=b\nZ=c").unwrap_err();
        assert_eq!(
            error.to_string(),
            "parseEnvFile: aborting sync — 2 name(s) would come from more than one line:\n\
             - Z: line 1 (Z_PATH), line 5 (Z_FILE), line 6 (Z)\n\
             - A: line 2 (A), line 4 (A_FILE)"
        );
    }

    #[test]
    fn names_that_stay_here_are_values_but_no_entries() {
        let text = "GITHUB_TOKEN=t\nGITHUB_TOKEN_FILE=nowhere\nGITHUB_REPO=a/b\nGCP_PROJECT_ID=p\n\
                    GOOGLE_APPLICATION_CREDENTIALS=~/sa.json\nA=1";
        let parsed = read(text).unwrap();
        assert_eq!(names(&parsed), [("A", 6)]);
        assert_eq!(parsed.values["GOOGLE_APPLICATION_CREDENTIALS"].expose(), "/h/sa.json");
        assert_eq!(parsed.warnings.len(), 1, "{:?}", parsed.warnings);
        assert_eq!(parsed.warnings[0].line, 2);
        assert!(parsed.resolve(|_| Err(Unreadable::NotFound)).is_ok());
    }

    #[test]
    fn a_key_can_be_excluded_by_its_spelling_in_the_file() {
        let policy = Policy::explicit([""; 0], ["SECRET_FILE", "PLAIN"]);
        let text = b"SECRET_FILE=x\nPLAIN=1\nPLAIN_PATH=x\nGITHUB_REPO=a/b";
        let parsed = Parsed::read(text, "/v", "/h", &policy).unwrap();
        assert_eq!(names(&parsed), [("GITHUB_REPO", 4)]);
    }

    #[test]
    fn the_old_spellings_are_hinted_at() {
        let parsed = read("SSH_KEY_PATH=id\nGCP_SA_KEY_FILE_PATH=sa\nSSH_PRIVATE_KEY_PATH=id").unwrap();
        let texts: Vec<_> = parsed.warnings.iter().map(|warning| warning.text.as_str()).collect();
        assert_eq!(texts.len(), 2);
        assert!(
            texts[0].contains("SSH_PRIVATE_KEY_PATH") && texts[1].contains("GCP_SA_KEY_FILE"),
            "{texts:?}"
        );
        let literal = Policy::explicit([""], [""; 0]);
        let parsed = Parsed::read(b"SSH_KEY_PATH=id", "/v", "/h", &literal).unwrap();
        assert!(parsed.warnings.is_empty() && parsed.entries[0].name == "SSH_KEY_PATH");
    }

    #[test]
    fn a_key_that_runs_over_several_lines_is_told() {
        let text =
            "K=\"-----BEGIN KEY-----\nMIIB=\n-----END KEY-----\"\nOK=-----BEGIN K-----a-----END K-----";
        let lines: Vec<_> = read(text).unwrap().warnings.iter().map(|warning| warning.line).collect();
        assert_eq!(lines, [1, 3]);
    }

    #[test]
    fn references_that_fail_are_told_all_at_once_in_order() {
        let text = "B_PATH=b\nA=1\nA1_FILE=dir\nOK_FILE=ok\nBIG_FILE=/abs/big\nNO_FILE=~/no\nEMPTY_PATH=\n";
        let parsed = read(text).unwrap();
        let read = |path: &str| match path {
            "/v/ok" => Ok(b"fine".to_vec()),
            "/v/dir" | "/v" => Err(Unreadable::NotAFile("a folder")),
            "/abs/big" => Err(Unreadable::TooLarge { limit: 10 }),
            "/h/no" => Err(Unreadable::Other("permission denied".into())),
            _ => Err(Unreadable::NotFound),
        };
        assert_eq!(
            parsed.resolve(read).unwrap_err().to_string(),
            "parseEnvFile: aborting sync — 5 file reference(s) could not be resolved:\n\
             - B_PATH: file not found at /v/b\n\
             - A1_FILE: error reading /v/dir: it is a folder, not a file\n\
             - BIG_FILE: error reading /abs/big: larger than the 10 bytes that the target takes\n\
             - NO_FILE: error reading /h/no: permission denied\n\
             - EMPTY_PATH: error reading /v: it is a folder, not a file"
        );
        let found = parsed.resolve(|_| Ok(vec![0, 255, b'\n'])).unwrap();
        assert_eq!(found.len(), 7);
        assert_eq!(found[0].value.expose(), &[0, 255, b'\n']);
        assert_eq!(found[1].value.expose(), b"1");
    }

    #[test]
    fn no_value_shows() {
        let text = "A=hunter2\nA=hunter2\n=hunter2\nhunter2\nK=-----BEGIN hunter2\nGITHUB_TOKEN=hunter2";
        let parsed = read(text).unwrap();
        let found = parsed.resolve(|_| Ok(Vec::new())).unwrap();
        let shown = format!("{parsed:?} {found:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
