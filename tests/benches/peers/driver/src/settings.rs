//! What is measured, from the environment.

use std::str::FromStr;

use crate::peer::{Kind, PEERS};

pub struct Settings {
    pub rounds: usize,
    pub seconds: f64,
    pub callers: Vec<usize>,
    pub events: u64,
    pub catch_up_seconds: f64,
    pub peers: Vec<&'static Kind>,
    pub sweep: bool,
}

impl Settings {
    pub fn from_environment() -> Self {
        let named = std::env::var("PEERS").ok();
        let wanted = |kind: &&Kind| {
            named.as_ref().is_none_or(|names| names.split(',').any(|name| name.trim() == kind.name))
        };
        let callers = std::env::var("CALLERS").unwrap_or_else(|_| "1,16,64".to_owned());
        Self {
            rounds: number("ROUNDS", 7),
            seconds: number("SECONDS", 2.0),
            callers: callers.split(',').map(|text| parsed("CALLERS", text)).collect(),
            events: number("EVENTS", 1_000_000),
            catch_up_seconds: number("CATCH_UP_SECONDS", 30.0),
            peers: PEERS.iter().filter(wanted).collect(),
            sweep: number("SWEEP", 0) != 0,
        }
    }
}

fn number<T: FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).map_or(otherwise, |text| parsed(name, &text))
}

fn parsed<T: FromStr>(name: &str, text: &str) -> T {
    text.trim().parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}"))
}
