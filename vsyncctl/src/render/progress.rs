//! The bar that long work shows on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use vsync_proto::event::{Progress, Unit};

use super::text::plain;

const BYTES: &str = "{msg:12} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}";
const FILES: &str = "{msg:12} [{bar:30}] {pos}/{len} files";
const SECRETS: &str = "{msg:12} [{bar:30}] {pos}/{len} secrets";
const BYTES_OPEN: &str = "{msg:12} {spinner} {bytes} {bytes_per_sec}";
const FILES_OPEN: &str = "{msg:12} {spinner} {pos} files";
const SECRETS_OPEN: &str = "{msg:12} {spinner} {pos} secrets";

/// A bar on stderr, or nothing at all.
#[derive(Debug)]
pub(crate) struct Bar {
    visible: bool,
    bar: Option<ProgressBar>,
    look: Option<(String, Unit, bool)>,
}

impl Bar {
    /// A bar that appears with the first step, if it is to be seen.
    pub(crate) const fn new(visible: bool) -> Self {
        Self { visible, bar: None, look: None }
    }

    /// Shows how far the work is. A new stage gets a new bar.
    pub(crate) fn step(&mut self, step: &Progress) {
        if !self.visible {
            return;
        }
        let look = (step.stage.clone(), step.unit, step.total.is_some());
        if self.look.as_ref() != Some(&look) {
            self.clear();
            self.look = Some(look);
        }
        let bar = self.bar.get_or_insert_with(|| fresh(step));
        if let Some(total) = step.total {
            bar.set_length(total.max(step.done));
        }
        bar.set_position(step.done);
    }

    /// Takes the bar away before the result is shown.
    pub(crate) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// A bar that is complete before it is seen.
fn fresh(step: &Progress) -> ProgressBar {
    let bar = ProgressBar::hidden().with_message(plain(&step.stage));
    if let Ok(style) = ProgressStyle::with_template(template(step)) {
        bar.set_style(style.progress_chars("=> "));
    }
    if let Some(total) = step.total {
        bar.set_length(total);
    }
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar
}

const fn template(step: &Progress) -> &'static str {
    match (step.unit, step.total.is_some()) {
        (Unit::Bytes, true) => BYTES,
        (Unit::Bytes, false) => BYTES_OPEN,
        (Unit::Files, true) => FILES,
        (Unit::Files, false) => FILES_OPEN,
        (Unit::Secrets, true) => SECRETS,
        (Unit::Secrets, false) => SECRETS_OPEN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_is_a_valid_template() {
        for template in [BYTES, FILES, SECRETS, BYTES_OPEN, FILES_OPEN, SECRETS_OPEN] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
