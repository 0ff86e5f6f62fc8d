//! Scalars: where they end.

use std::ops::Range;

use super::parser::{Parsed, Parser};
use super::text::{escape_digits, escaped};
use super::tree::{Block, Chomp, Kind, NodeId, Properties, Style, break_len, is_blank, is_break, line_start};
use crate::rules::handler::source::Fault;

impl Parser<'_> {
    /// A plain scalar inside a collection of the column `indent`. `only_key`: in one line.
    pub(super) fn plain(&mut self, indent: isize, flow: bool, only_key: bool) -> Parsed<Range<usize>> {
        self.plain_start(flow)?;
        let start = self.at;
        let mut end = start;
        loop {
            let line = self.plain_line(flow, end);
            // A line that begins with what ends a plain scalar adds nothing to it.
            let added = line > end;
            end = line;
            self.at = end;
            if only_key || !added || !self.plain_continues(indent, flow) {
                self.at = end;
                return Ok(start..end);
            }
        }
    }

    fn plain_start(&self, flow: bool) -> Parsed<()> {
        let Some(first) = self.peek(0) else { return self.fault("a value is missing") };
        let next_is_word =
            !(self.spaced(1) || (flow && self.peek(1).is_some_and(|byte| b",[]{}".contains(&byte))));
        match first {
            b'-' | b'?' | b':' if next_is_word => Ok(()),
            b'-' | b'?' | b':' | b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|'
            | b'>' | b'\'' | b'"' | b'%' | b'@' | b'`' => self.fault("a character that cannot begin a value"),
            _ => Ok(()),
        }
    }

    /// Where the part of a plain scalar in this line ends.
    fn plain_line(&self, flow: bool, mut end: usize) -> usize {
        let mut at = self.at;
        while let Some(byte) = self.bytes.get(at).copied() {
            let next = self.bytes.get(at + 1).copied();
            let stop = match byte {
                b'#' => at > 0 && self.bytes[at - 1].is_ascii_whitespace(),
                b':' => {
                    next.is_none_or(|next| next.is_ascii_whitespace() || (flow && b",[]{}".contains(&next)))
                }
                b',' | b'[' | b']' | b'{' | b'}' => flow,
                _ => is_break(byte),
            };
            if stop {
                break;
            }
            at += 1;
            if !is_blank(byte) {
                end = at;
            }
        }
        end
    }

    /// Goes to the next line of a plain scalar, if it has one.
    fn plain_continues(&mut self, indent: isize, flow: bool) -> bool {
        self.blanks();
        if !self.peek(0).is_some_and(is_break) {
            return false;
        }
        while self.peek(0).is_some_and(is_break) {
            self.at += break_len(&self.bytes[self.at..]);
            if self.ended() {
                return false;
            }
            self.blanks();
        }
        let start = line_start(self.bytes, self.at);
        let spaces = self.bytes[start..].iter().take_while(|byte| **byte == b' ').count().cast_signed();
        match self.peek(0) {
            None | Some(b'#') => false,
            Some(_) if !flow => spaces > indent,
            Some(b',' | b'[' | b']' | b'{' | b'}') => false,
            Some(b':') => !(self.spaced(1) || self.peek(1).is_some_and(|byte| b",[]{}".contains(&byte))),
            Some(_) => true,
        }
    }

    /// A quoted scalar.
    pub(super) fn quoted(&mut self) -> Parsed<NodeId> {
        let start = self.at;
        let quote = self.bytes[start];
        self.at += 1;
        loop {
            match self.peek(0) {
                None => return Err(Fault { at: start, what: "a quote that is not closed" }),
                Some(b'\'') if quote == b'\'' && self.peek(1) == Some(b'\'') => self.at += 2,
                Some(byte) if byte == quote => break,
                Some(b'\\') if quote == b'"' => self.escape()?,
                Some(byte) if is_break(byte) => self.quoted_break(start)?,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let style = if quote == b'"' { Style::Double } else { Style::Single };
        Ok(self.push(Kind::Scalar(style), start..self.at, Properties::default()))
    }

    fn quoted_break(&mut self, start: usize) -> Parsed<()> {
        self.at += break_len(&self.bytes[self.at..]);
        if self.at < self.bytes.len() && self.ended() {
            return Err(Fault { at: start, what: "a quote that is not closed" });
        }
        Ok(())
    }

    fn escape(&mut self) -> Parsed<()> {
        let Some(letter) = self.text[self.at + 1..].chars().next() else {
            return self.fault("a quote that is not closed");
        };
        let digits = escape_digits(letter);
        if digits > 0 {
            let code = self.text.get(self.at + 2..self.at + 2 + digits);
            let valid = code
                .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
                .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                .and_then(char::from_u32);
            if valid.is_none() {
                return self.fault("an escape that is not valid");
            }
            self.at += 2 + digits;
        } else if letter == '\n' || letter == '\r' {
            self.at += 1;
        } else if escaped(letter).is_some() {
            self.at += 1 + letter.len_utf8();
        } else {
            return self.fault("an escape that is not valid");
        }
        Ok(())
    }

    /// A block scalar inside a collection of the column `indent`.
    pub(super) fn block_scalar(&mut self, indent: isize) -> Parsed<(Style, Range<usize>)> {
        let start = self.at;
        let folded = self.bytes[start] == b'>';
        self.at += 1;
        let (mut chomp, mut given) = (None, None);
        loop {
            match self.peek(0) {
                Some(b'-') if chomp.is_none() => chomp = Some(Chomp::Strip),
                Some(b'+') if chomp.is_none() => chomp = Some(Chomp::Keep),
                Some(digit @ b'1'..=b'9') if given.is_none() => given = Some(isize::from(digit - b'0')),
                _ => break,
            }
            self.at += 1;
        }
        let header_end = self.at;
        self.blanks();
        match self.peek(0) {
            Some(b'#') if self.at > header_end => self.at = self.end_of_line(),
            Some(byte) if !is_break(byte) => return self.fault("text after the start of a block"),
            _ => {}
        }
        let header_line_end = self.at;
        self.at += break_len(&self.bytes[self.at..]);
        let body = self.at;
        let least = indent.max(-1) + 1;
        let indent = match given {
            Some(given) => indent.max(0) + given,
            None => self.block_indent(least)?.max(least),
        };
        let (content_end, blank_end) = self.block_lines(indent.cast_unsigned());
        let chomp = chomp.unwrap_or(Chomp::Clip);
        let last = if chomp == Chomp::Keep { blank_end } else { content_end };
        let end = last.unwrap_or(header_line_end);
        let closed = last.is_some() && end < self.real_end;
        let layout = Block { folded, chomp, header_end, body, indent: indent.cast_unsigned(), closed };
        Ok((Style::Block(layout), start..end))
    }

    /// The column of the first line that is not empty. A line before column `least` is no line of the
    /// block: then that of its widest empty one.
    fn block_indent(&self, least: isize) -> Parsed<isize> {
        let (mut at, mut widest) = (self.at, 0);
        loop {
            let spaces = self.bytes[at..].iter().take_while(|byte| **byte == b' ').count();
            match self.bytes.get(at + spaces).copied() {
                Some(byte) if is_break(byte) => {
                    widest = widest.max(spaces);
                    at += spaces + break_len(&self.bytes[at + spaces..]);
                }
                None => return Ok(spaces.max(widest).cast_signed()),
                Some(_) if spaces.cast_signed() < least => return Ok(widest.cast_signed()),
                Some(_) if spaces < widest => {
                    return Err(Fault { at, what: "a blank line is indented deeper than the block" });
                }
                Some(_) => return Ok(spaces.cast_signed()),
            }
        }
    }

    /// Passes the lines of a block; gives where its last line with content ends, and its last line at all.
    fn block_lines(&mut self, indent: usize) -> (Option<usize>, Option<usize>) {
        let (mut content, mut blank) = (None, None);
        while self.at < self.bytes.len() {
            let spaces = self.bytes[self.at..].iter().take(indent).take_while(|byte| **byte == b' ').count();
            let byte = self.bytes.get(self.at + spaces).copied();
            let empty = byte.is_none_or(is_break);
            if !empty && (spaces < indent || self.marker(self.at)) {
                break;
            }
            let end = self.end_of_line();
            blank = Some(end);
            if !empty {
                content = blank;
            }
            self.at = end + break_len(&self.bytes[end..]);
        }
        (content, blank)
    }
}
