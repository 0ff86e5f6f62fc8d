//! Which bytes change.

use std::collections::{BTreeSet, HashMap};

use zeroize::Zeroizing;

use super::emit::{Shape, Style, Writer};
use super::number::Number;
use super::scan::{Kind, Member, Node, Object, decode};
use crate::rules::handler::comma_list::{Comments, Placement};
use crate::rules::handler::lines::line_indent;
use crate::rules::handler::places::Places;
use crate::rules::handler::source::Source;
use crate::rules::handler::splice::Splice;
use crate::rules::handler::{Change, ChangeKind, MergeError};
use crate::rules::key_path::KeyPath;

/// A change and the byte of the text before it where it happens.
pub(super) type Changed = (usize, Change);

/// The members of an object by key.
struct Index<'a>(HashMap<&'a str, (usize, Option<usize>)>);

impl<'a> Index<'a> {
    fn of(object: &'a Object) -> Self {
        let mut found: HashMap<&str, (usize, Option<usize>)> = HashMap::with_capacity(object.members.len());
        for (at, member) in object.members.iter().enumerate() {
            found
                .entry(&member.key)
                .and_modify(|(_, again)| {
                    again.get_or_insert(member.key_at.start);
                })
                .or_insert((at, None));
        }
        Self(found)
    }

    /// # Errors
    /// The key stands there twice.
    fn find(&self, key: &str, path: &KeyPath, file: &Source<'_>) -> Result<Option<usize>, MergeError> {
        match self.0.get(key) {
            None => Ok(None),
            Some((at, None)) => Ok(Some(*at)),
            Some((_, Some(again))) => {
                Err(MergeError::DuplicateKey { path: path.clone(), at: file.position(*again) })
            }
        }
    }
}

/// Takes places out of a file.
pub(super) struct Removal<'a> {
    pub(super) file: &'a Source<'a>,
    edits: Splice,
    changed: Vec<Changed>,
}

impl<'a> Removal<'a> {
    /// # Errors
    /// A key on the way stands twice.
    pub(super) fn run(
        file: &'a Source<'a>,
        root: &Object,
        places: &Places,
    ) -> Result<(Splice, Vec<Changed>), MergeError> {
        let mut removal = Self { file, edits: Splice::default(), changed: Vec::new() };
        removal.object(root, places, &KeyPath::root())?;
        Ok((removal.edits, removal.changed))
    }

    fn object(&mut self, object: &Object, places: &Places, path: &KeyPath) -> Result<(), MergeError> {
        let index = Index::of(object);
        let mut gone = BTreeSet::new();
        for (key, places) in &places.below {
            let path = path.child(key);
            let Some(at) = index.find(key, &path, self.file)? else { continue };
            let member = &object.members[at];
            if places.whole {
                gone.insert(at);
                self.changed.push((member.key_at.start, Change { path, kind: ChangeKind::Removed }));
            } else if let Kind::Object(below) = &member.value.kind {
                self.object(below, places, &path)?;
            }
        }
        if !gone.is_empty() {
            object.list.remove(self.file.text, Comments::Slashes, &gone, &mut self.edits);
        }
        Ok(())
    }
}

/// Sets the values of the incoming data in a file.
pub(super) struct Setting<'a> {
    file: &'a Source<'a>,
    incoming: &'a str,
    delete_nulls: bool,
    edits: Splice,
    changed: Vec<Changed>,
}

impl<'a> Setting<'a> {
    /// # Errors
    /// A key on the way stands twice.
    pub(super) fn run(
        file: &'a Source<'a>,
        root: &Object,
        incoming: &'a str,
        wanted: &Object,
        eol: &'static str,
        delete_nulls: bool,
    ) -> Result<(Splice, Vec<Changed>), MergeError> {
        let mut setting =
            Self { file, incoming, delete_nulls, edits: Splice::default(), changed: Vec::new() };
        setting.object(root, wanted, &KeyPath::root(), &Style::fresh(eol), true)?;
        Ok((setting.edits, setting.changed))
    }

    /// `tall`: whether what is written inside may go over several lines.
    fn object(
        &mut self,
        object: &Object,
        wanted: &Object,
        path: &KeyPath,
        around: &Style,
        tall: bool,
    ) -> Result<(), MergeError> {
        let style = around.within(self.file.text, object);
        let index = Index::of(object);
        let mut new = Vec::new();
        for want in &wanted.members {
            let null = matches!(want.value.kind, Kind::Null);
            let path = path.child(&want.key);
            match index.find(&want.key, &path, self.file)? {
                None if null && self.delete_nulls => {}
                None => new.push((want, path)),
                Some(at) => {
                    let tall = self.on_own_line(object, at, tall);
                    self.value(&object.members[at].value, &want.value, path, &style, tall)?;
                }
            }
        }
        if !new.is_empty() {
            self.append(object, &new, &style, tall);
        }
        Ok(())
    }

    fn value(
        &mut self,
        old: &Node,
        want: &Node,
        path: KeyPath,
        style: &Style,
        tall: bool,
    ) -> Result<(), MergeError> {
        if let (Kind::Object(object), Kind::Object(wanted)) = (&old.kind, &want.kind) {
            return self.object(object, wanted, &path, style, tall);
        }
        let text = self.file.text;
        if same(text, old, self.incoming, want) {
            return Ok(());
        }
        let indent = tall.then(|| line_indent(text, old.at.start));
        let inner = match &old.kind {
            Kind::Array(values) => values.iter().find_map(|value| match &value.kind {
                Kind::Object(object) => Some(style.within(text, object)),
                _ => None,
            }),
            _ => None,
        };
        let writer = self.writer(inner.as_ref().unwrap_or(style));
        let new = writer.value(want, indent, Shape::of(text, old));
        self.edits.replace(old.at.clone(), new);
        self.changed.push((old.at.start, Change { path, kind: ChangeKind::Replaced }));
        Ok(())
    }

    fn append(&mut self, object: &Object, new: &[(&Member, KeyPath)], style: &Style, tall: bool) {
        let text = self.file.text;
        let list = &object.list;
        let writer = self.writer(style);
        let place = if tall && list.inner.is_empty() {
            Placement::Line(format!("{}{}", line_indent(text, list.inner.start), style.unit))
        } else {
            list.placement(text, Comments::Slashes, &style.unit, &style.gap)
        };
        let indent = match &place {
            Placement::Line(indent) => Some(indent.as_str()),
            Placement::Inline(_) => None,
        };
        let items: Vec<Zeroizing<String>> =
            new.iter().map(|(member, _)| writer.member(member, indent)).collect();
        list.append(text, Comments::Slashes, &place, style.eol, &items, &mut self.edits);
        if let Placement::Line(_) = &place
            && list.inner.is_empty()
        {
            let close = format!("{}{}", style.eol, line_indent(text, list.inner.start));
            self.edits.insert(list.inner.end, close);
        }
        let end = list.inner.end;
        self.changed.extend(
            new.iter().map(|(_, path)| (end, Change { path: path.clone(), kind: ChangeKind::Added })),
        );
    }

    fn writer<'b>(&'b self, style: &'b Style) -> Writer<'b> {
        Writer { incoming: self.incoming, style, without_nulls: self.delete_nulls }
    }

    /// Whether a member may take several lines: in an object that does, and not beside another one.
    fn on_own_line(&self, object: &Object, at: usize, tall: bool) -> bool {
        let items = &object.list.items;
        let before = if at == 0 { object.list.inner.start } else { items[at - 1].at.end };
        tall && self.file.text[before..items[at].at.start].contains('\n')
    }
}

/// Whether two values mean the same; `ours` is a text in which `one` stands, `theirs` that of `other`.
fn same(ours: &str, one: &Node, theirs: &str, other: &Node) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Null, Kind::Null) => true,
        (Kind::Bool(one), Kind::Bool(other)) => one == other,
        (Kind::Number, Kind::Number) => {
            Number::read(&ours[one.at.clone()]) == Number::read(&theirs[other.at.clone()])
        }
        (Kind::String, Kind::String) => {
            let one = decode(&ours[one.at.clone()]).map(Zeroizing::new);
            one == decode(&theirs[other.at.clone()]).map(Zeroizing::new)
        }
        (Kind::Array(one), Kind::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(ours, a, theirs, b))
        }
        (Kind::Object(one), Kind::Object(other)) => {
            let in_order = |(one, other): (&Member, &Member)| {
                one.key == other.key && same(ours, &one.value, theirs, &other.value)
            };
            if one.members.len() != other.members.len() {
                return false;
            }
            let index: HashMap<&str, &Node> =
                other.members.iter().map(|member| (member.key.as_str(), &member.value)).collect();
            if index.len() != other.members.len() {
                // Which of two that share a name counts depends on the reader.
                return one.members.iter().zip(&other.members).all(in_order);
            }
            one.members.iter().all(|member| {
                index.get(member.key.as_str()).is_some_and(|other| same(ours, &member.value, theirs, other))
            })
        }
        _ => false,
    }
}
