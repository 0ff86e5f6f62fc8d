//! Paths that values name.

/// Why a referenced file was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing is there, also when the way to it leads through a file.
    NotFound,
    /// It is a folder, a FIFO or a device, said with its article: `a folder`.
    NotAFile(&'static str),
    /// It is larger than the target takes.
    TooLarge {
        /// The target's limit in bytes.
        limit: u64,
    },
    /// The system refused, in its words.
    Other(String),
}

/// Where a value leads: an absolute one as it is, any other inside the vault folder.
///
/// `.` and `..` are taken away as text, before any symbolic link is followed, as the older client does.
/// A final slash stays: it asks for a folder, which is then refused as one.
pub(super) fn locate(value: &str, vault_root: &str) -> String {
    if value.starts_with('/') {
        return value.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in vault_root.split('/').chain(value.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    let end = if value.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    format!("/{}{end}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_values_stay_in_the_vault_folder_unless_they_climb() {
        for (value, wanted) in [
            ("k", "/v/dev/k"),
            ("./a/./k", "/v/dev/a/k"),
            ("a/b/../k", "/v/dev/a/k"),
            ("a//k", "/v/dev/a/k"),
            ("../prod/k", "/v/prod/k"),
            ("../../../../k", "/k"),
            ("..", "/v"),
            ("../..", "/"),
            ("", "/v/dev"),
            (".", "/v/dev"),
            ("keys/", "/v/dev/keys/"),
            ("~", "/v/dev/~"),
            ("k # c", "/v/dev/k # c"),
            (".../k", "/v/dev/.../k"),
        ] {
            assert_eq!(locate(value, "/v/dev"), wanted, "{value}");
        }
    }

    #[test]
    fn absolute_values_pass_through() {
        for value in ["/", "/a/../b", "//a//b", "/v/dev/k"] {
            assert_eq!(locate(value, "/v/dev"), value);
        }
    }
}
