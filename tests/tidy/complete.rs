//! That nothing is forgotten: no file, vector, corpus, verb or word.

use std::collections::BTreeMap;

use crate::{crates, tree};

/// Every Rust file that a target reaches, and whether it is there for tests only.
pub(crate) fn modules() -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    for (root, test) in roots() {
        follow(&root, true, test, &mut found);
    }
    found
}

/// The files where cargo begins: of every target, and of the fuzzer's own workspace.
fn roots() -> Vec<(String, bool)> {
    let top = tree::top();
    let metadata = crates::metadata();
    let mut roots = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        for target in package["targets"].as_array().expect("targets") {
            let path = target["src_path"].as_str().expect("a path");
            let path = std::path::Path::new(path).canonicalize().expect("a target's file");
            let top = top.canonicalize().expect("the top");
            let path = path.strip_prefix(top).expect("a target of this repository").display().to_string();
            roots.push((path, target["kind"][0] == "test" || package["name"] == "vsync-tests"));
        }
    }
    for line in tree::text("tests/fuzz/Cargo.toml").lines() {
        if let Some(path) = line.strip_prefix("path = \"") {
            roots.push((format!("tests/fuzz/{}", path.trim_end_matches('"')), true));
        }
    }
    roots
}

fn follow(file: &str, root: bool, test: bool, found: &mut BTreeMap<String, bool>) {
    // A file that is both product and test counts as product.
    if found.get(file).is_some_and(|known| !known || test) {
        return;
    }
    found.insert(file.to_owned(), test);
    let (folder, name) = file.rsplit_once('/').expect("a file in a folder");
    let within =
        if root || name == "mod.rs" { folder.to_owned() } else { file.trim_end_matches(".rs").to_owned() };
    let text = tree::text(file);
    let mut attributes: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") {
            attributes.push(line);
            continue;
        }
        if let Some(module) = declared(line) {
            let path = attributes.iter().find_map(|attribute| attribute.strip_prefix("#[path = \""));
            let candidates = match path {
                Some(path) => vec![format!("{folder}/{}", path.trim_end_matches("\"]"))],
                None => vec![format!("{within}/{module}.rs"), format!("{within}/{module}/mod.rs")],
            };
            let next = candidates.iter().find(|path| tree::top().join(path).exists());
            let next = next.unwrap_or_else(|| panic!("{file}: where is the module {module}?"));
            let only_test = attributes.iter().any(|attribute| attribute.starts_with("#[cfg(test)"));
            follow(next, false, test || only_test, found);
        }
        attributes.clear();
    }
}

/// The module that a line declares without a body.
fn declared(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub ")).unwrap_or(line);
    let name = line.strip_prefix("mod ")?.strip_suffix(';')?;
    name.chars().all(|c| c.is_alphanumeric() || c == '_').then_some(name)
}

#[test]
fn every_rust_file_is_part_of_something() {
    let known = modules();
    let found: Vec<String> = tree::rust().into_iter().filter(|file| !known.contains_key(file)).collect();
    crate::report(&found, "declare the module, or delete the file");
}

#[test]
fn every_vector_folder_has_a_runner() {
    let runner = tree::text("tests/vectors/check.rs");
    let folders = tree::names("tests/vectors").into_iter().filter(|name| !name.ends_with(".rs"));
    let missing = folders.filter(|name| !runner.contains(&format!("\"{name}\" =>"))).collect::<Vec<_>>();
    crate::report(&missing, "give the format a runner in tests/vectors/check.rs");
}

#[test]
fn every_fuzz_target_has_a_corpus_that_is_replayed() {
    let replayed = tree::text("tests/fuzz/corpus.rs");
    let manifest = tree::text("tests/fuzz/Cargo.toml");
    let mut found = Vec::new();
    let targets = tree::names("tests/fuzz/fuzz_targets");
    assert!(!targets.is_empty(), "no fuzz targets were found");
    for name in targets.iter().map(|file| file.trim_end_matches(".rs")) {
        if !tree::top().join("tests/fuzz/corpus").join(name).is_dir()
            || tree::names(&format!("tests/fuzz/corpus/{name}")).is_empty()
        {
            found.push(format!("{name} has no corpus"));
        }
        if !replayed.contains(&format!("(\"{name}\", ")) {
            found.push(format!("{name} is not replayed by tests/fuzz/corpus.rs"));
        }
        if !manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")) {
            found.push(format!("{name} is not in tests/fuzz/Cargo.toml"));
        }
    }
    crate::report(&found, "a target without inputs finds nothing");
}

#[test]
fn every_verb_is_documented() {
    let page = tree::text("docs/cli.md");
    let verbs = tree::text("vsyncctl/src/verbs/mod.rs");
    let verbs: Vec<&str> = verbs.lines().filter_map(declared).collect();
    assert!(verbs.len() > 10, "only {} verbs were found", verbs.len());
    let headed = |verb: &&&str| page.lines().any(|line| line == format!("## vsyncctl {verb}"));
    let missing: Vec<String> = verbs.iter().filter(|verb| !headed(verb)).map(ToString::to_string).collect();
    crate::report(&missing, "add the verb to docs/cli.md (tests/cli/help.rs prints the page)");
}

#[test]
fn every_error_word_is_documented() {
    let page = tree::text("docs/errors.md");
    let source = tree::text("proto/src/error.rs");
    let word = |line: &str| {
        // `Name "word" Category "meaning";`
        let (name, rest) = line.trim().split_once(" \"")?;
        let (word, rest) = rest.split_once("\" ")?;
        let plain = name.chars().all(char::is_alphanumeric) && rest.ends_with("\";");
        plain.then(|| word.to_owned())
    };
    let words: Vec<String> = source.lines().filter_map(word).collect();
    assert!(words.len() > 40, "only {} words were found", words.len());
    let missing: Vec<String> =
        words.into_iter().filter(|word| !page.contains(&format!("| `{word}` |"))).collect();
    crate::report(&missing, "explain the word in docs/errors.md");
}

#[test]
fn every_page_is_linked() {
    let readme = tree::text("README.md");
    let pages = tree::names("docs").into_iter().filter(|name| name.ends_with(".md"));
    let missing: Vec<String> = pages.filter(|page| !readme.contains(&format!("docs/{page}"))).collect();
    crate::report(&missing, "link the page in README.md");
}

/// Links between the documents lead somewhere.
#[test]
fn links_between_documents_lead_somewhere() {
    let mut found = Vec::new();
    for file in tree::files().into_iter().filter(|file| file.ends_with(".md")) {
        let folder = tree::top().join(&file).parent().expect("a folder").to_owned();
        for part in tree::text(&file).split("](").skip(1) {
            let target = part.split(')').next().unwrap_or_default().split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !folder.join(target).exists() {
                found.push(format!("{file}: {target}"));
            }
        }
    }
    crate::report(&found, "correct the link");
}

/// Each dependency says why it is there.
#[test]
fn every_dependency_has_a_reason() {
    let manifest = tree::text("Cargo.toml");
    let (_, section) = manifest.split_once("[workspace.dependencies]").expect("the section");
    let section = section.split("\n[").next().unwrap_or(section);
    let lines: Vec<&str> = section.lines().filter(|line| line.contains(" = ")).collect();
    assert!(lines.len() > 30, "only {} dependencies were found", lines.len());
    let unexplained = |line: &&&str| !line.contains("path = ") && !line.contains(" # ");
    let found: Vec<String> = lines.iter().filter(unexplained).map(ToString::to_string).collect();
    crate::report(&found, "add a comment of a few words to the line");
}
