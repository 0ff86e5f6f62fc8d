//! Text that fits: styles, widths, and nothing that could steer the terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

/// Good news.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Something to look at.
pub(crate) const NOTICE: Style = AnsiColor::Yellow.on_default();
/// Something that does not work.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What a block is about.
pub(crate) const TITLE: Style = Style::new().bold();
/// Labels and the like.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// The text in a style. Control characters in it are made visible first.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{}{style:#}", plain(text))
}

/// The text with control characters written as escapes: names and notes come from other people.
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        // The marks that reorder text are no control characters to Unicode, but act like some.
        if c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            let _ = write!(shown, "{}", c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// How many columns there are: `COLUMNS`, else the terminal's width, else 80.
pub(crate) fn columns() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let asked = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    told.or_else(asked).filter(|width| *width > 0).unwrap_or(80)
}

/// Breaks text at spaces into lines of at most `width` characters; a longer word is cut.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut rest: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + rest.len() > width {
            lines.push(String::new());
            used = 0;
        }
        while !rest.is_empty() {
            let gap = usize::from(used > 0);
            let taken = rest.len().min(width - used - gap);
            if let Some(line) = lines.last_mut() {
                line.push_str(if gap > 0 { " " } else { "" });
                line.extend(rest.drain(..taken));
            }
            used += gap + taken;
            if !rest.is_empty() {
                lines.push(String::new());
                used = 0;
            }
        }
    }
    lines
}

/// A labelled paragraph: the label once, the text beside it in its own column.
pub(crate) fn paragraph(label: &str, indent: usize, text: &str, width: usize, style: Style) -> String {
    let mut out = String::new();
    for (at, line) in wrap(&plain(text), width.saturating_sub(indent)).iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        let _ = writeln!(out, "{FAINT}{label:indent$}{FAINT:#}{style}{line}{style:#}");
    }
    out
}

/// Rows in columns, each as wide as its longest cell; the last column is left as it is.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

/// A size in bytes, in the unit people would choose.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Tenths are exact enough and need no floats.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// `1 file`, `2 files`.
pub(crate) fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{202e}d ü"), "a\\u{1b}[2Jb\\u{a}c\\u{202e}d ü");
    }

    #[test]
    fn lines_break_at_spaces_and_only_then_inside_words() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghijklmnopqr x", 8), ["abcdefgh", "ijklmnop", "qr x"]);
        assert_eq!(wrap("", 8), [""]);
        assert_eq!(wrap("a abcdefgh", 8), ["a", "abcdefgh"]);
    }

    #[test]
    fn sizes_have_one_decimal() {
        for (bytes, said) in
            [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (50 << 20, "50.0 MiB"), (3 << 40, "3.0 TiB")]
        {
            assert_eq!(size(bytes), said);
        }
        assert!(size(u64::MAX).ends_with(" TiB"));
    }
}
