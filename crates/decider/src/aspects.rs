//! What part of an aggregate an event changed, or a command writes or reads: the basis for merging stale writes (W03).

use std::borrow::Cow;

/// A set of aspects such as `status`, `owner`, `property:0190…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aspects {
    /// Everything: meets any other set that is not empty.
    All,
    /// Just these.
    Only(Vec<Cow<'static, str>>),
}

impl Aspects {
    /// No aspect at all: merges with anything.
    #[must_use]
    pub const fn none() -> Self {
        Self::Only(Vec::new())
    }

    /// A few fixed aspects.
    #[must_use]
    pub fn of(words: &[&'static str]) -> Self {
        Self::Only(words.iter().map(|word| Cow::Borrowed(*word)).collect())
    }

    /// This set and one more aspect.
    #[must_use]
    pub fn and(self, word: impl Into<Cow<'static, str>>) -> Self {
        match self {
            Self::All => Self::All,
            Self::Only(mut words) => {
                words.push(word.into());
                Self::Only(words)
            }
        }
    }

    /// Whether the two sets share an aspect.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, Self::All) => true,
            (Self::All, Self::Only(words)) | (Self::Only(words), Self::All) => !words.is_empty(),
            (Self::Only(mine), Self::Only(theirs)) => mine.iter().any(|word| theirs.contains(word)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sets_meet_only_in_a_shared_aspect() {
        assert!(Aspects::of(&["status", "owner"]).meets(&Aspects::of(&["owner"])));
        assert!(!Aspects::of(&["status"]).meets(&Aspects::of(&["owner"])));
        assert!(Aspects::All.meets(&Aspects::of(&["owner"])));
        assert!(!Aspects::All.meets(&Aspects::none()));
    }
}
