//! A vault folder that is where it was registered, and nowhere else.

use vsync_core::sync::Problem;

use super::checkout::Checkout;
use crate::disk::folder::link_on_the_way;

/// Refuses a checkout whose vault folder is reached through a symlink below the checkout's top:
/// registering refused one too, and what came since leads to a folder that nobody registered.
///
/// # Errors
/// [`Problem::FolderNotUsable`] names the link.
pub(crate) fn check(checkout: &Checkout) -> Result<(), Problem> {
    match link_on_the_way(&checkout.root, &checkout.folder) {
        None => Ok(()),
        Some(link) => Err(Problem::FolderNotUsable(format!(
            "{} is a symlink; put the folder itself in its place, or register the one that it points to",
            link.display()
        ))),
    }
}
