//! Shapes that are no longer written, and how each becomes the one after it. They stay for ever, as they were.

use serde::Deserialize;

use super::{Answer, Rated};

/// What versions 1 and 2 asked: they had one question, and did not name it.
const OVERALL: &str = "overall";
/// The best of version 1, which did not say so.
const STARS: u8 = 5;

/// Version 1: one to five stars.
#[derive(Deserialize)]
pub struct RatedV1 {
    stars: u8,
}

/// Version 2: surveys out of ten came as well.
#[derive(Deserialize)]
pub struct RatedV2 {
    score: u8,
    of: u8,
}

impl From<RatedV1> for RatedV2 {
    fn from(RatedV1 { stars }: RatedV1) -> Self {
        Self { score: stars, of: STARS }
    }
}

/// Version 3: several questions.
impl From<RatedV2> for Rated {
    fn from(RatedV2 { score, of }: RatedV2) -> Self {
        let answer = Answer { question: OVERALL.to_owned(), score, of };
        Self { answers: vec![answer], comment: None }
    }
}
