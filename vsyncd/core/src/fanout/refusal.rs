//! What each target would refuse by its published rules, found before anything is sent.
//!
//! The rules are those of the targets' own references:
//! GitHub "Secrets reference" (names and limits), Google "Secret Manager quotas and limits" and
//! `projects.secrets.create`, AWS `CreateSecret` and "Secrets Manager quotas", Azure "Keys, secrets, and
//! certificates" and `Set Secret`, HashiCorp "Vault limits and maximums".

use std::collections::HashMap;

use super::target::Target;
use crate::dotenv::Assignment;

/// A secret that the target would not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its name.
    pub name: String,
    /// Its line in the env file.
    pub line: usize,
    /// Why, for people.
    pub why: String,
}

/// How many secrets GitHub keeps in an environment, and as many in a repository.
const GITHUB_SECRETS: usize = 100;

/// The names and sizes that the target would refuse by its published rules, in the file's order.
pub fn refusals(target: Target, wanted: &[Assignment]) -> Vec<Refusal> {
    refusals_under(target, "", wanted)
}

/// As [`refusals`], where each secret is stored under its name with this prefix.
pub fn refusals_under(target: Target, prefix: &str, wanted: &[Assignment]) -> Vec<Refusal> {
    let mut found = Vec::new();
    let mut spellings: HashMap<String, &Assignment> = HashMap::new();
    let mut whole = 2;
    for (index, one) in wanted.iter().enumerate() {
        let name = format!("{prefix}{}", one.name);
        let value = one.value.expose();
        let twin = folds_case(target).then(|| spellings.insert(name.to_ascii_lowercase(), one)).flatten();
        if target == Target::Hashicorp {
            whole += entry_length(&name, value);
        }
        let why = bad_name(target, &name)
            .or_else(|| twin.map(twin_of))
            .or_else(|| bad_value(target, value))
            .or_else(|| bad_count(target, index))
            .or_else(|| bad_whole(target, whole));
        found.extend(why.map(|why| Refusal { name: one.name.clone(), line: one.line, why }));
    }
    found
}

/// The largest value that the target takes, in bytes. For HashiCorp it is that of all values together.
pub const fn limit(target: Target) -> u64 {
    match target {
        Target::Gh => 48 * 1024,
        Target::Gcp | Target::Aws => 64 * 1024,
        Target::Azure => 25 * 1024,
        // One entry of integrated storage as it comes; Consul storage has 512 KiB.
        Target::Hashicorp => 1024 * 1024,
    }
}

/// Whether names that differ only by case are the same secret.
const fn folds_case(target: Target) -> bool {
    matches!(target, Target::Gh | Target::Azure)
}

fn twin_of(twin: &Assignment) -> String {
    format!("the target does not tell it from {} on line {}: only the case differs", twin.name, twin.line)
}

fn bad_name(target: Target, name: &str) -> Option<String> {
    let letter = |c: char| c.is_ascii_alphanumeric();
    match target {
        Target::Gh => spelled(name, "letters, digits and _", |c| letter(c) || c == '_')
            .or_else(|| {
                let digit = name.starts_with(|c: char| c.is_ascii_digit());
                digit.then(|| "GitHub takes no name that begins with a digit".to_owned())
            })
            .or_else(|| {
                let reserved = name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("GITHUB_"));
                reserved.then(|| "GitHub keeps names that begin with GITHUB_ for itself".to_owned())
            }),
        Target::Gcp => spelled(name, "letters, digits, - and _", |c| letter(c) || "-_".contains(c))
            .or_else(|| longer(name, 255)),
        Target::Aws => spelled(name, "letters, digits and /_+=.@-", |c| letter(c) || "/_+=.@-".contains(c))
            .or_else(|| longer(name, 512)),
        Target::Azure => spelled(name, "letters, digits and -", |c| letter(c) || c == '-')
            .map(|why| format!("{why}; vsync does not rename keys"))
            .or_else(|| longer(name, 127)),
        Target::Hashicorp => None,
    }
}

/// What is wrong with a name in which only such characters may be.
fn spelled(name: &str, allowed: &str, ok: impl Fn(char) -> bool) -> Option<String> {
    let bad = name.chars().find(|c| !ok(*c))?;
    Some(format!("the name has {bad:?}; the target takes {allowed}"))
}

fn longer(name: &str, most: usize) -> Option<String> {
    let length = name.len();
    (length > most).then(|| format!("the name has {length} characters; the target takes {most}"))
}

fn bad_value(target: Target, value: &[u8]) -> Option<String> {
    let length = value.len();
    if length as u64 > limit(target) {
        return Some(format!("the value has {length} bytes; the target takes {}", limit(target)));
    }
    match target {
        // Their APIs answer 400 to a value without a byte.
        Target::Gcp | Target::Aws if value.is_empty() => Some("the target takes no empty value".to_owned()),
        // Their values are strings in JSON.
        Target::Azure | Target::Hashicorp if std::str::from_utf8(value).is_err() => Some(
            "the value is not UTF-8 and the target keeps text only; store it in an encoding such as base64"
                .to_owned(),
        ),
        _ => None,
    }
}

fn bad_count(target: Target, index: usize) -> Option<String> {
    let over = target == Target::Gh && index >= GITHUB_SECRETS;
    over.then(|| format!("GitHub keeps at most {GITHUB_SECRETS} secrets in an environment or a repository"))
}

fn bad_whole(target: Target, length: usize) -> Option<String> {
    let over = target == Target::Hashicorp && length as u64 > limit(target);
    over.then(|| {
        format!("all values up to here have {length} bytes as one entry; the target takes {}", limit(target))
    })
}

/// How many bytes `"name":"value",` has as JSON.
fn entry_length(name: &str, value: &[u8]) -> usize {
    let escaped = |byte: &u8| match byte {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0A | 0x0C | 0x0D => 2,
        0x00..=0x1F => 6,
        _ => 1,
    };
    name.as_bytes().iter().chain(value).map(escaped).sum::<usize>() + 6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn one(name: &str, value: &[u8]) -> Assignment {
        Assignment { name: name.to_owned(), line: 1, value: Secret::new(value.to_vec()) }
    }

    fn takes(target: Target, name: &str, value: &[u8]) -> bool {
        let found = refusals(target, &[one(name, value)]);
        assert!(found.iter().all(|refusal| refusal.name == name && refusal.line == 1));
        found.is_empty()
    }

    #[test]
    fn names_are_judged_by_each_target() {
        use Target::{Aws, Azure, Gcp, Gh, Hashicorp};
        let long = |length| "a".repeat(length);
        for (target, name, taken) in [
            (Gh, "A_b9", true),
            (Gh, "_A", true),
            (Gh, "9A", false),
            (Gh, "A-B", false),
            (Gh, "A B", false),
            (Gh, "Ä", false),
            (Gh, "GITHUB_X", false),
            (Gh, "github_x", false),
            (Gh, "GITHUBX", true),
            (Gcp, "A-b_9", true),
            (Gcp, "A.B", false),
            (Gcp, &long(255), true),
            (Gcp, &long(256), false),
            (Aws, "a/b_c+d=e.f@g-h", true),
            (Aws, "a:b", false),
            (Aws, &long(512), true),
            (Aws, &long(513), false),
            (Azure, "a-B-9", true),
            (Azure, "A_B", false),
            (Azure, "9", true),
            (Azure, &long(127), true),
            (Azure, &long(128), false),
            (Hashicorp, "anything goes/ä", true),
        ] {
            assert_eq!(takes(target, name, b"v"), taken, "{target} {name}");
        }
    }

    #[test]
    fn a_prefix_counts() {
        let wanted = [one(&"a".repeat(510), b"v")];
        assert!(refusals_under(Target::Aws, "p/", &wanted).is_empty());
        assert_eq!(refusals_under(Target::Aws, "pp/", &wanted).len(), 1);
        assert_eq!(refusals_under(Target::Aws, "p:", &wanted).len(), 1);
    }

    #[test]
    fn values_may_have_the_published_size_and_not_a_byte_more() {
        for (target, most) in
            [(Target::Gh, 49_152), (Target::Gcp, 65_536), (Target::Aws, 65_536), (Target::Azure, 25_600)]
        {
            assert_eq!(limit(target), most);
            let most = usize::try_from(most).unwrap();
            assert!(takes(target, "A", &vec![b'a'; most]), "{target}");
            assert!(!takes(target, "A", &vec![b'a'; most + 1]), "{target}");
        }
    }

    #[test]
    fn empty_and_binary_values_are_judged_by_each_target() {
        let taken = |value: &[u8]| Target::ALL.map(|target| takes(target, "A", value));
        assert_eq!(taken(b""), [true, false, false, true, true]);
        assert_eq!(taken(b"\xFF\x00"), [true, true, true, false, false]);
        assert_eq!(taken("ä\u{0}\n".as_bytes()), [true; 5]);
    }

    #[test]
    fn names_that_differ_by_case_are_one_secret_to_some() {
        let wanted = [one("Key", b"1"), one("OTHER", b"2"), one("KEY", b"3")];
        let refused = Target::ALL.map(|target| refusals(target, &wanted).len());
        assert_eq!(refused, [1, 0, 0, 1, 0]);
        let why = &refusals(Target::Gh, &wanted)[0];
        assert!(why.name == "KEY" && why.why.contains("Key on line 1"), "{why:?}");
    }

    #[test]
    fn github_keeps_a_hundred() {
        let wanted: Vec<_> = (0..102).map(|nth| one(&format!("A{nth}"), b"v")).collect();
        let names = |target| refusals(target, &wanted).into_iter().map(|one| one.name).collect::<Vec<_>>();
        assert_eq!(names(Target::Gh), ["A100", "A101"]);
        assert_eq!(names(Target::Gcp), [""; 0]);
    }

    #[test]
    fn hashicorp_keeps_all_values_in_one_entry() {
        let half = vec![b'a'; 512 * 1024];
        let wanted = [one("A", &half), one("B", b"x"), one("C", &half), one("D", b"x")];
        let names: Vec<_> = refusals(Target::Hashicorp, &wanted).into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["C", "D"]);
        let escapes = vec![1; 200 * 1024];
        assert!(!takes(Target::Hashicorp, "A", &escapes));
    }

    #[test]
    fn the_length_of_an_entry_is_that_of_its_json() {
        let text: String = (0..=0x7F_u8).map(char::from).chain(['ä', '€']).collect();
        let json = serde_json::json!({ "k\"": text }).to_string();
        // A comma instead of the braces around it.
        assert_eq!(entry_length("k\"", text.as_bytes()), json.len() - 1);
    }

    #[test]
    fn no_value_shows() {
        for target in Target::ALL {
            let value = [b"hunter2".repeat(200_000), vec![0xFF]].concat();
            let found = refusals(target, &[one("Ä", &value), one("ä", b"hunter2")]);
            assert!(!found.is_empty() && !format!("{found:?}").contains("hunter2"));
        }
    }
}
