//! What merging into netrc files keeps, changes and refuses.
