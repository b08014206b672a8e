//! An event that changed its shape twice, as an example and to test the way that every real one goes: nothing writes it, and it is
//! in no log. `docs/guides/changing-an-event.md` tells the story.

mod older;

use decider::{Aspects, Sealed};
use serde::{Deserialize, Serialize};

use crate::event_list::event_list;
use crate::seal::sealed_fields;
use older::{RatedV1, RatedV2};

event_list! {
    /// What happened to a survey.
    pub enum SurveyEvent of "survey", touches touches {
        /// A contact said how it was.
        Rated(Rated) = "SurveyRated", 3, { 1 => RatedV1, 2 => RatedV2 };
        /// It was closed.
        Closed(SurveyClosed) = "SurveyClosed", 1;
    }
}

/// A contact answered the questions of a survey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rated {
    /// The answers, in the order of the questions.
    pub answers: Vec<Answer>,
    /// What the contact wrote beside them. Came later, without a new version: it is optional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Sealed<String>>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The key of the question.
    pub question: String,
    /// How it was.
    pub score: u8,
    /// The best that could be said.
    pub of: u8,
}

/// The survey was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyClosed {}

sealed_fields! {
    Rated { comment => "comment" }
    SurveyClosed {}
}

fn touches(event: &SurveyEvent) -> Aspects {
    match event {
        SurveyEvent::Rated(_) => Aspects::of(&["answers"]),
        SurveyEvent::Closed(_) => Aspects::All,
    }
}

#[cfg(test)]
mod tests {
    use decider::{DecodeError, Event};

    use super::*;
    use crate::EventType;

    /// The samples were written when their version was; they never change.
    const GOLDEN: [(u16, &str); 4] = [
        (1, include_str!("golden/SurveyRated.v1.json")),
        (2, include_str!("golden/SurveyRated.v2.json")),
        (3, include_str!("golden/SurveyRated.v3.full.json")),
        (3, include_str!("golden/SurveyRated.v3.min.json")),
    ];

    fn read(version: u16, payload: &str) -> Rated {
        match SurveyEvent::decode("SurveyRated", version, payload.as_bytes()) {
            Ok(SurveyEvent::Rated(rated)) => rated,
            other => panic!("version {version}: {other:?}"),
        }
    }

    fn answer(question: &str, score: u8, of: u8) -> Answer {
        Answer { question: question.to_owned(), score, of }
    }

    #[test]
    fn every_version_that_was_ever_written_is_read_as_the_newest_shape() {
        let answers: Vec<_> =
            GOLDEN.iter().map(|(version, text)| read(*version, text).answers).collect();
        assert_eq!(answers[0], [answer("overall", 4, 5)], "stars are out of five");
        assert_eq!(answers[1], [answer("overall", 7, 10)]);
        assert_eq!(answers[2], [answer("overall", 9, 10), answer("speed", 2, 5)]);
        assert_eq!(answers[3], [answer("overall", 9, 10)]);
    }

    #[test]
    fn the_newest_shape_is_written_as_its_sample_and_the_older_ones_never_again() {
        for (version, text) in GOLDEN {
            let event = SurveyEvent::from(read(version, text));
            assert_eq!(event.schema_version(), 3);
            let written: serde_json::Value =
                serde_json::from_slice(&event.encode().unwrap()).unwrap();
            let sample: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(written == sample, version == 3, "{written}");
        }
    }

    #[test]
    fn a_payload_of_one_version_is_not_one_of_another() {
        for (version, text) in GOLDEN {
            for other in (1..=3).filter(|other| *other != version) {
                let read = SurveyEvent::decode("SurveyRated", other, text.as_bytes());
                assert!(matches!(read, Err(DecodeError::Payload { .. })), "{version} as {other}");
            }
        }
    }

    #[test]
    fn a_version_nobody_wrote_yet_is_unknown_and_never_guessed() {
        for (type_name, version) in [("SurveyRated", 0), ("SurveyRated", 4), ("SurveyClosed", 2)] {
            let read = SurveyEvent::decode(type_name, version, b"{}");
            assert!(matches!(read, Err(DecodeError::UnknownType { .. })), "{type_name} {version}");
        }
    }

    #[test]
    fn the_list_tells_which_versions_are_read() {
        let rated = EventType { name: "SurveyRated", version: 3, older: &[1, 2] };
        let closed = EventType { name: "SurveyClosed", version: 1, older: &[] };
        assert_eq!(SurveyEvent::TYPES, [rated, closed]);
    }
}
