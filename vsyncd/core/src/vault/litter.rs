//! Files that editors and desktops leave lying about.

/// True for a name that is never published, is no edit, and survives a swap of the folder.
/// Judged on the last component of a path.
pub fn is_litter(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    // vim tries whether it may create files by making one of this name.
    matches!(name, "4913" | ".DS_Store")
        || name.ends_with(".swp")
        || name.ends_with('~')
        || name.starts_with(".#")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_editors_leave() {
        for name in [".env.swp", "dir/.x.swp", "4913", "a/4913", ".#lock", "notes~", "x/.DS_Store"] {
            assert!(is_litter(name), "{name}");
        }
        for name in [".env", "swp", "49130", "a.#b", "~x", "4913/key", ".DS_Store/x", "x.swp.txt"] {
            assert!(!is_litter(name), "{name}");
        }
    }
}
