//! Medians, spreads, ratios round by round.

/// Least, median, most.
#[derive(Clone, Copy)]
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        match sorted.as_slice() {
            [] => Self { least: f64::NAN, median: f64::NAN, most: f64::NAN },
            [least, ..] => Self {
                least: *least,
                median: sorted[sorted.len() / 2],
                most: sorted[sorted.len() - 1],
            },
        }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{} ({} to {})", show(self.median), show(self.least), show(self.most))
    }
}

/// As many digits as mean something.
pub fn show(value: f64) -> String {
    match value {
        1000.0.. => grouped(value as u64),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn grouped(value: u64) -> String {
    if value < 1000 {
        return value.to_string();
    }
    format!("{},{:03}", grouped(value / 1000), value % 1000)
}
