//! Figures by name, and their medians.

use std::collections::BTreeMap;

/// Measured values by (what, unit), in the order first seen.
#[derive(Default)]
pub struct Table {
    order: Vec<(String, &'static str)>,
    values: BTreeMap<(String, &'static str), Vec<f64>>,
}

impl Table {
    pub fn add(&mut self, what: &str, unit: &'static str, value: f64) {
        let key = (what.to_owned(), unit);
        if !self.values.contains_key(&key) {
            self.order.push(key.clone());
        }
        self.values.entry(key).or_default().push(value);
    }

    pub fn print(&self) {
        println!("| what | unit | median | min | max |\n|---|---|---:|---:|---:|");
        for key in &self.order {
            let (median, min, max) = spread(&self.values[key]);
            println!(
                "| {} | {} | {} | {} | {} |",
                key.0,
                key.1,
                show(median),
                show(min),
                show(max)
            );
        }
    }

    /// The ratio of two figures, round by round.
    pub fn ratio(&self, a: &str, b: &str, unit: &'static str) {
        let of = |what: &str| &self.values[&(what.to_owned(), unit)];
        let ratios: Vec<f64> = of(a).iter().zip(of(b)).map(|(a, b)| a / b).collect();
        let (median, min, max) = spread(&ratios);
        println!("\n{a} / {b}: {median:.2} ({min:.2} to {max:.2})");
    }
}

fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[sorted.len() / 2], sorted[0], sorted[sorted.len() - 1])
}

fn show(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
