//! Items between brackets, separated by commas: where more of them go, and what goes with one of them.
//! The objects of JSON and the inline tables of TOML are such lists.

use std::collections::BTreeSet;
use std::ops::Range;

use zeroize::Zeroizing;

use super::lines::{leads, line_indent, line_start};
use super::splice::Splice;

/// How the format writes comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comments {
    /// `// …` and `/* … */`
    Slashes,
    /// `# …`
    Hash,
}

/// One item, from its first byte to behind its last.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) at: Range<usize>,
    /// Where the comma behind it stands.
    pub(super) comma: Option<usize>,
}

impl Item {
    /// Behind the item and its comma.
    fn end(&self) -> usize {
        self.comma.map_or(self.at.end, |comma| comma + 1)
    }
}

/// The list, in bytes of the text.
#[derive(Debug, Clone)]
pub(super) struct CommaList {
    /// Between the brackets.
    pub(super) inner: Range<usize>,
    pub(super) items: Vec<Item>,
}

/// Where an item stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Placement {
    /// On a line of its own, behind these blanks.
    Line(String),
    /// On the line of its neighbours, behind these blanks.
    Inline(String),
}

impl CommaList {
    /// Where a further item goes, if items or comments are there to tell. `unit` is one indentation,
    /// `gap` what stands behind a comma when no two items tell.
    pub(super) fn placement(&self, text: &str, comments: Comments, unit: &str, gap: &str) -> Placement {
        let deeper = || format!("{}{unit}", line_indent(text, self.inner.start));
        let Some(last) = self.items.last() else {
            if text[self.inner.clone()].contains('\n') {
                return Placement::Line(deeper());
            }
            let gap = if self.inner.is_empty() { "" } else { " " };
            return Placement::Inline(gap.to_owned());
        };
        let before = match self.items.len() {
            1 => self.inner.start,
            n => self.items[n - 2].end(),
        };
        if text[before..last.at.start].contains('\n') {
            return Placement::Line(line_indent(text, last.at.start).to_owned());
        }
        let tail = &text[last.end()..tail(text, last.end(), comments)];
        if ends_the_line(tail, comments) {
            return Placement::Line(deeper());
        }
        let blanks = &text[before..last.at.start];
        let told = self.items.len() > 1 && blanks.trim().is_empty();
        Placement::Inline(if told { blanks } else { gap }.to_owned())
    }

    /// Adds items at the end.
    pub(super) fn append(
        &self,
        text: &str,
        comments: Comments,
        place: &Placement,
        eol: &str,
        new: &[Zeroizing<String>],
        edits: &mut Splice,
    ) {
        let trailing = self.items.last().is_some_and(|last| last.comma.is_some());
        let at = match self.items.last() {
            Some(last) => {
                if last.comma.is_none() {
                    edits.insert(last.at.end, ",".to_owned());
                }
                tail(text, last.end(), comments)
            }
            None => last_comment(text, self.inner.clone(), comments),
        };
        let mut added = Zeroizing::new(String::new());
        for (number, item) in new.iter().enumerate() {
            match place {
                Placement::Line(indent) => {
                    added.push_str(eol);
                    added.push_str(indent);
                }
                Placement::Inline(_) if number == 0 && self.items.is_empty() && self.inner.is_empty() => {}
                Placement::Inline(gap) => added.push_str(gap),
            }
            added.push_str(item);
            if trailing || number + 1 < new.len() {
                added.push(',');
            }
        }
        edits.insert(at, added);
    }

    /// Takes items out, with the comment on their line; the comma of the last one that stays goes too
    /// when nothing was behind the last one before.
    pub(super) fn remove(&self, text: &str, comments: Comments, gone: &BTreeSet<usize>, edits: &mut Splice) {
        let last = self.items.len().saturating_sub(1);
        let stays = (0..self.items.len()).rev().find(|at| !gone.contains(at));
        if stays.is_none() && self.emptied(text, comments, edits) {
            return;
        }
        for &index in gone {
            let Some(item) = self.items.get(index) else { continue };
            let end_of_list = stays.is_none_or(|stays| stays < index);
            edits.delete(self.extent(text, comments, item, end_of_list));
        }
        if let Some(stays) = stays
            && stays < last
            && self.items[last].comma.is_none()
            && let Some(comma) = self.items[stays].comma
        {
            edits.delete(comma..comma + 1);
        }
    }

    /// Empties a list that holds no comments outside its items; says whether it did.
    fn emptied(&self, text: &str, comments: Comments, edits: &mut Splice) -> bool {
        let mut from = self.inner.start;
        let mut lines = comments == Comments::Hash;
        for item in &self.items {
            let before = &text[from..item.at.start];
            if !before.trim().is_empty() {
                return false;
            }
            lines |= before.contains('\n');
            from = tail(text, item.end(), comments);
        }
        let after = &text[from..self.inner.end];
        if !after.trim().is_empty() {
            return false;
        }
        let end = if lines || after.contains('\n') { self.inner.end } else { from };
        edits.delete(self.inner.start..end);
        true
    }

    fn extent(&self, text: &str, comments: Comments, item: &Item, end_of_list: bool) -> Range<usize> {
        let leads = leads(text, item.at.start);
        let start = if leads { line_start(text, item.at.start) } else { 0 };
        let own_line = leads && start > self.inner.start;
        let behind = tail(text, item.end(), comments);
        let line_ends = behind >= self.inner.end
            || text[behind..].trim_start_matches([' ', '\t', '\r']).starts_with('\n');
        let blanks = |from: usize| text[from..].len() - text[from..].trim_start_matches([' ', '\t']).len();
        if own_line && line_ends && behind < self.inner.end {
            let before = &text[..start - 1];
            let eol = if before.ends_with('\r') { start - 2 } else { start - 1 };
            let end = behind + blanks(behind);
            return eol..end;
        }
        if end_of_list || line_ends {
            let head = &text[self.inner.start..item.at.start];
            let kept = self.inner.start + head.trim_end().len();
            let blanks = &text[kept..item.at.start];
            let from = match blanks.find('\n') {
                Some(at) if may_end_in_comment(text, kept, self.inner.start, comments) => kept + at + 1,
                _ => kept,
            };
            let end = if line_ends { behind } else { item.end() };
            return from..end;
        }
        item.at.start..item.end() + blanks(item.end())
    }
}

/// Whether the line that ends at `at` may end in a line comment, so that its line break has to stay.
fn may_end_in_comment(text: &str, at: usize, inner: usize, comments: Comments) -> bool {
    let line = &text[line_start(text, at).max(inner)..at];
    line.contains(match comments {
        Comments::Slashes => "//",
        Comments::Hash => "#",
    })
}

/// Behind the comments that stand on the line of `at`, directly behind it; `at` itself if there are none.
pub(super) fn tail(text: &str, at: usize, comments: Comments) -> usize {
    let mut end = at;
    let mut seen = at;
    loop {
        let rest = &text[seen..];
        if rest.starts_with([' ', '\t']) {
            seen += 1;
        } else if let Some(length) = comment(rest, comments) {
            seen += length;
            end = seen;
        } else {
            return end;
        }
    }
}

/// Behind the last comment in a stretch of blanks and comments.
fn last_comment(text: &str, within: Range<usize>, comments: Comments) -> usize {
    let mut end = within.start;
    let mut seen = within.start;
    while seen < within.end {
        let rest = &text[seen..within.end];
        match comment(rest, comments) {
            Some(length) => {
                seen += length;
                end = seen;
            }
            None => seen += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    end
}

/// The length of the comment that the text starts with, without its line break.
pub(super) fn comment(text: &str, comments: Comments) -> Option<usize> {
    let line =
        || text.find('\n').map_or(text.len(), |at| if text[..at].ends_with('\r') { at - 1 } else { at });
    match comments {
        Comments::Hash if text.starts_with('#') => Some(line()),
        Comments::Slashes if text.starts_with("//") => Some(line()),
        Comments::Slashes if text.starts_with("/*") => {
            Some(text[2..].find("*/").map_or(text.len(), |at| at + 4))
        }
        _ => None,
    }
}

/// Whether the last of these blanks and comments runs to the end of its line.
fn ends_the_line(tail: &str, comments: Comments) -> bool {
    let mut at = 0;
    let mut open = false;
    while at < tail.len() {
        match comment(&tail[at..], comments) {
            Some(length) => {
                open = comments == Comments::Hash || tail[at..].starts_with("//");
                at += length;
            }
            None => at += 1,
        }
    }
    open
}
