//! Lists: bounded pages and cursors that only we can make.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{self, DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};

const LIMIT_DEFAULT: u16 = 50;
const LIMIT_MAX: u16 = 200;
/// Bytes of the code at the end of a cursor.
const MAC_BYTES: usize = 16;
const CURSOR_CHARS_MAX: usize = 2048;

/// How many items a page has: 1 to 200, 50 if nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = u16, minimum = 1, maximum = 200, default = 50)]
pub struct Limit(pub u16);

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT_DEFAULT)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u16::deserialize(deserializer)? {
            limit @ 1..=LIMIT_MAX => Ok(Self(limit)),
            _ => Err(de::Error::custom("a limit from 1 to 200")),
        }
    }
}

/// The query of a list without filters. A list with filters has a struct of its own with these two fields.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    pub limit: Limit,
    /// Where the page before ended: its `next_cursor`.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Listed<T> {
    /// The items.
    pub items: Vec<T>,
    /// What the next page starts from; null on the last.
    pub next_cursor: Option<String>,
}

impl<T> Listed<T> {
    /// The page out of one row more than asked for: the extra one tells that there is a next page. `cursor` makes the cursor
    /// of the last item on this one.
    #[must_use]
    pub fn cut(mut rows: Vec<T>, limit: Limit, cursor: impl FnOnce(&T) -> String) -> Self {
        let more = rows.len() > usize::from(limit.0);
        rows.truncate(usize::from(limit.0));
        let next_cursor = rows.last().filter(|_| more).map(cursor);
        Self { items: rows, next_cursor }
    }

    /// The same page with other items.
    #[must_use]
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Listed<U> {
        Listed {
            items: self.items.into_iter().map(change).collect(),
            next_cursor: self.next_cursor,
        }
    }
}

impl App {
    /// The cursor of a list: `key` says where it goes on. `list` names the list, so that no cursor fits another one.
    pub fn cursor<K: Serialize>(&self, caller: &Caller, list: &str, key: &K) -> String {
        encode(key, |bytes| self.mac_of(caller, list, bytes))
    }

    /// Where a list goes on.
    ///
    /// # Errors
    /// 400 when the cursor is not one this service made for this list.
    pub fn read_cursor<K: DeserializeOwned>(
        &self,
        caller: &Caller,
        list: &str,
        cursor: Option<&str>,
    ) -> Result<Option<K>, ApiError> {
        let Some(text) = cursor else { return Ok(None) };
        decode(text, |bytes| self.mac_of(caller, list, bytes)).map(Some).ok_or_else(|| {
            ApiError::new(Kind::Malformed, "invalid_cursor", "this cursor is none of this list")
        })
    }

    fn mac_of(&self, caller: &Caller, list: &str, bytes: &[u8]) -> [u8; 32] {
        self.vault().mac(caller.ws, &format!("api.cursor.{list}"), bytes)
    }
}

fn encode<K: Serialize>(key: &K, mac: impl FnOnce(&[u8]) -> [u8; 32]) -> String {
    let mut bytes = serde_json::to_vec(key).unwrap_or_default();
    let code = mac(&bytes);
    bytes.extend_from_slice(&code[..MAC_BYTES]);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode<K: DeserializeOwned>(text: &str, mac: impl FnOnce(&[u8]) -> [u8; 32]) -> Option<K> {
    if text.len() > CURSOR_CHARS_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (key, code) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
    // A cursor is no secret: an early end of the comparison tells nothing worth knowing.
    (mac(key)[..MAC_BYTES] == *code).then(|| serde_json::from_slice(key).ok())?
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn mac(list: &'static str) -> impl Fn(&[u8]) -> [u8; 32] {
        move |bytes| Sha256::digest([list.as_bytes(), bytes].concat()).into()
    }

    #[test]
    fn a_cursor_survives_the_way_out_and_back() {
        let text = encode(&(17_u64, "x"), mac("users"));
        assert_eq!(decode(&text, mac("users")), Some((17_u64, "x".to_owned())));
    }

    #[test]
    fn a_cursor_that_we_did_not_make_for_this_list_is_refused() {
        let text = encode(&17_u64, mac("users"));
        assert_eq!(decode::<u64>(&text, mac("tickets")), None);
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last character of base64 may hold bits that say nothing.
            if URL_SAFE_NO_PAD.decode(&changed) != URL_SAFE_NO_PAD.decode(&text) {
                assert_eq!(decode::<u64>(&changed, mac("users")), None, "{changed}");
            }
        }
        for garbage in ["", "x", "%%%", "AAAA", &"A".repeat(5000)] {
            assert_eq!(decode::<u64>(garbage, mac("users")), None, "{garbage}");
        }
    }

    #[test]
    fn a_page_has_a_cursor_only_if_another_one_follows() {
        let cursor = |last: &u8| format!("after {last}");
        let page = Listed::cut(vec![1, 2, 3], Limit(2), cursor);
        assert_eq!((page.items, page.next_cursor), (vec![1, 2], Some("after 2".to_owned())));
        let last = Listed::cut(vec![1, 2], Limit(2), cursor);
        assert_eq!(last.next_cursor, None);
    }

    #[test]
    fn a_limit_has_bounds() {
        for (text, limit) in
            [("1", Some(1)), ("200", Some(200)), ("0", None), ("201", None), ("-1", None)]
        {
            assert_eq!(serde_json::from_str::<Limit>(text).ok(), limit.map(Limit));
        }
    }
}
