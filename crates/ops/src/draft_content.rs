//! What a draft holds, and how a save changes it: field by field, the last write wins (D04).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// One field of a patch: not mentioned, cleared, or set.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// Not mentioned: the field stays.
    #[default]
    Keep,
    /// `null`: the field is cleared.
    Clear,
    /// The new value.
    Set(T),
}

impl<T> Patch<T> {
    fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    fn from_field(field: Option<T>) -> Self {
        field.map_or(Self::Clear, Self::Set)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from_field)
    }
}

macro_rules! draft_fields {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        /// The content of a draft. Recipients and properties are kept as the client sent them; sending validates them.
        #[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        pub struct DraftContent {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
        }

        /// What a save changes.
        #[derive(Clone, PartialEq, Eq, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct DraftPatch {
            $($(#[$doc])* #[serde(default)] pub $field: Patch<$type>,)*
        }

        impl DraftContent {
            /// This content after a save.
            #[must_use]
            pub fn merge(mut self, patch: DraftPatch) -> Self {
                $(patch.$field.apply(&mut self.$field);)*
                self
            }
        }

        impl From<DraftContent> for DraftPatch {
            /// The save that replaces the whole content.
            fn from(content: DraftContent) -> Self {
                Self { $($field: Patch::from_field(content.$field),)* }
            }
        }
    };
}

draft_fields! {
    /// The text as HTML.
    html: String,
    /// The text without markup.
    text: String,
    /// Recipients.
    to: Value,
    /// Recipients of a copy.
    cc: Value,
    /// Recipients of a blind copy.
    bcc: Value,
    /// The channel to send from.
    from_channel_id: Uuid,
    /// The message that is answered.
    in_reply_to: Uuid,
    /// Uploads.
    attachment_ids: Vec<Uuid>,
    /// The status to set when it is sent.
    status_id: Uuid,
    /// The properties to set when it is sent.
    properties: Value,
    /// Users mentioned in a comment.
    mentions: Vec<Uuid>,
}

impl fmt::Debug for DraftContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DraftContent(***)")
    }
}

impl fmt::Debug for DraftPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DraftPatch(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn absent_null_and_value_are_three_things() {
        let patch: DraftPatch =
            serde_json::from_str(r#"{"html": null, "to": ["a@example.org"]}"#).unwrap();
        assert_eq!(patch.html, Patch::Clear);
        assert_eq!(patch.text, Patch::Keep);
        let old = DraftContent {
            html: Some("<p>old</p>".into()),
            text: Some("old".into()),
            ..DraftContent::default()
        };
        let new = old.merge(patch);
        assert_eq!((new.html, new.text), (None, Some("old".into())));
        assert_eq!(new.to, Some(serde_json::json!(["a@example.org"])));
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        assert!(serde_json::from_str::<DraftPatch>(r#"{"htlm": "x"}"#).is_err());
    }

    #[test]
    fn content_is_not_printed() {
        let content = DraftContent { html: Some("secret".into()), ..DraftContent::default() };
        let patch = DraftPatch::from(content.clone());
        assert!(!format!("{content:?} {patch:?}").contains("secret"));
    }

    fn content() -> impl Strategy<Value = DraftContent> {
        (
            option::of("[a-z]{0,8}"),
            option::of("[a-z]{0,8}"),
            option::of(vec("[a-z]{1,8}@example\\.org", 0..3)),
            option::of(any::<u128>()),
            option::of(vec(any::<u128>(), 0..3)),
        )
            .prop_map(|(html, text, to, status, files)| DraftContent {
                html,
                text,
                to: to.map(Value::from),
                status_id: status.map(Uuid::from_u128),
                attachment_ids: files.map(|ids| ids.into_iter().map(Uuid::from_u128).collect()),
                ..DraftContent::default()
            })
    }

    /// A patch that touches only the fields chosen by `mask`, with the values of `content`.
    fn masked(content: DraftContent, mask: u8) -> DraftPatch {
        let all = DraftPatch::from(content);
        let mut patch = DraftPatch::default();
        if mask & 1 != 0 {
            patch.html = all.html;
        }
        if mask & 2 != 0 {
            patch.text = all.text;
        }
        if mask & 4 != 0 {
            patch.to = all.to;
        }
        if mask & 8 != 0 {
            patch.status_id = all.status_id;
        }
        if mask & 16 != 0 {
            patch.attachment_ids = all.attachment_ids;
        }
        patch
    }

    proptest! {
        #[test]
        fn two_tabs_that_patch_different_fields_converge(
            old in content(), left in content(), right in content(), mask in 0u8..32,
        ) {
            let (left, right) = (masked(left, mask), masked(right, !mask));
            let one = old.clone().merge(left.clone()).merge(right.clone());
            let other = old.merge(right).merge(left);
            prop_assert_eq!(one, other);
        }

        #[test]
        fn the_last_write_of_a_field_wins_and_the_others_stay(
            old in content(), first in content(), second in content(), mask in 0u8..32,
        ) {
            let last = masked(second.clone(), mask);
            let after = old.merge(DraftPatch::from(first.clone())).merge(last.clone());
            prop_assert_eq!(&after, &first.merge(last.clone()));
            prop_assert_eq!(&after, &after.clone().merge(last), "a repeated save changes nothing");
            if mask & 1 != 0 {
                prop_assert_eq!(after.html, second.html);
            }
        }

        #[test]
        fn content_survives_its_stored_form(content in content()) {
            let stored = serde_json::to_vec(&content).unwrap();
            prop_assert_eq!(&serde_json::from_slice::<DraftContent>(&stored).unwrap(), &content);
            prop_assert_eq!(DraftContent::default().merge(content.clone().into()), content);
        }
    }
}
