//! The lines of the table: what was measured, beside what, and whether the aim was met.

use std::time::Duration;

/// One line of the table.
pub(crate) struct Line {
    what: String,
    figure: Figure,
    /// The same rounds of what it is compared with.
    floor: Option<Vec<Duration>>,
    aim: Option<Aim>,
}

enum Figure {
    Times(Vec<Duration>),
    Amount { value: f64, unit: &'static str },
}

enum Aim {
    /// Of the longest time.
    Worst(Duration),
    /// Of the median of what each round took beyond its floor.
    Beyond(Duration),
    /// Of the median of what each round took over its floor.
    Times(f64),
    /// Of an amount.
    Below(f64),
}

/// The columns, and how wide they are printed.
const HEAD: [(&str, usize); 8] =
    [("", 56), ("n", 4), ("median", 10), ("worst", 10), ("floor", 10), ("ratio", 6), ("aim", 16), ("", 6)];

impl Line {
    /// A figure that nothing is promised of.
    pub(crate) fn figure(what: &str, times: Vec<Duration>) -> Self {
        Self { what: what.to_owned(), figure: Figure::Times(times), floor: None, aim: None }
    }

    /// Times of which none may be longer than this.
    pub(crate) fn at_worst(what: &str, times: Vec<Duration>, at_most: Duration) -> Self {
        Self { aim: Some(Aim::Worst(at_most)), ..Self::figure(what, times) }
    }

    /// A time that may be this much longer than another one of the same round.
    pub(crate) fn beyond(what: &str, times: Vec<Duration>, floor: Vec<Duration>, more: Duration) -> Self {
        Self { floor: Some(floor), aim: Some(Aim::Beyond(more)), ..Self::figure(what, times) }
    }

    /// A time that may be this many times another one of the same round.
    pub(crate) fn over(what: &str, times: Vec<Duration>, floor: Vec<Duration>, at_most: f64) -> Self {
        Self { floor: Some(floor), aim: Some(Aim::Times(at_most)), ..Self::figure(what, times) }
    }

    /// An amount that is to stay below another, where one is named.
    pub(crate) fn amount(what: &str, value: f64, unit: &'static str, below: Option<f64>) -> Self {
        let figure = Figure::Amount { value, unit };
        Self { what: what.to_owned(), figure, floor: None, aim: below.map(Aim::Below) }
    }

    fn times(&self) -> &[Duration] {
        match &self.figure {
            Figure::Times(times) => times,
            Figure::Amount { .. } => &[],
        }
    }

    /// The median over all rounds of what a round makes of its time and its floor.
    fn by_round(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        let floor = self.floor.as_deref().unwrap_or_default();
        let pairs = self.times().iter().zip(floor);
        let mut all: Vec<f64> =
            pairs.map(|(time, floor)| of(time.as_secs_f64(), floor.as_secs_f64())).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn ratio(&self) -> f64 {
        self.by_round(|time, floor| time / floor)
    }

    /// Whether the aim is met; true where there is none.
    pub(crate) fn kept(&self) -> bool {
        match (&self.aim, &self.figure) {
            (None, _) => true,
            (Some(Aim::Worst(limit)), _) => worst(self.times()) <= *limit,
            (Some(Aim::Beyond(more)), _) => self.by_round(|time, floor| time - floor) <= more.as_secs_f64(),
            (Some(Aim::Times(limit)), _) => self.ratio() <= *limit,
            (Some(Aim::Below(limit)), Figure::Amount { value, .. }) => value <= limit,
            (Some(Aim::Below(_)), Figure::Times(_)) => false,
        }
    }

    fn cells(&self) -> [String; 8] {
        let (n, median, worst) = match &self.figure {
            Figure::Times(times) => (times.len().to_string(), ms(median(times)), ms(worst(times))),
            Figure::Amount { value, unit } => (String::new(), format!("{value:.1} {unit}"), String::new()),
        };
        let unit = match self.figure {
            Figure::Amount { unit, .. } => unit,
            Figure::Times(_) => "",
        };
        let aim = self.aim.as_ref().map(|aim| match aim {
            Aim::Worst(limit) => format!("worst ≤ {}", ms(*limit)),
            Aim::Beyond(more) => format!("≤ floor + {}", ms(*more)),
            Aim::Times(limit) => format!("≤ {limit:.1} × floor"),
            Aim::Below(limit) => format!("≤ {limit:.0} {unit}"),
        });
        let verdict = self.aim.as_ref().map_or("", |_| if self.kept() { "kept" } else { "missed" });
        let floor = self.floor.as_ref();
        [
            self.what.clone(),
            n,
            median,
            worst,
            floor.map(|floor| ms(self::median(floor))).unwrap_or_default(),
            floor.map(|_| format!("{:.2}", self.ratio())).unwrap_or_default(),
            aim.unwrap_or_default(),
            verdict.to_owned(),
        ]
    }

    pub(crate) fn print(&self, markdown: bool) {
        row(&self.cells(), markdown);
    }
}

/// The head of the table.
pub(crate) fn head(markdown: bool) {
    row(&HEAD.map(|(name, _)| name.to_owned()), markdown);
    if markdown {
        println!("|---|--:|--:|--:|--:|--:|---|---|");
    }
}

fn row(cells: &[String; 8], markdown: bool) {
    if markdown {
        println!("| {} |", cells.join(" | "));
        return;
    }
    let mut line = String::new();
    for (at, (cell, (_, width))) in cells.iter().zip(HEAD).enumerate() {
        let left = at == 0 || at > 5;
        line += &if left { format!("{cell:<width$}  ") } else { format!("{cell:>width$}  ") };
    }
    println!("{}", line.trim_end());
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

pub(crate) fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn worst(times: &[Duration]) -> Duration {
    times.iter().max().copied().unwrap_or_default()
}
