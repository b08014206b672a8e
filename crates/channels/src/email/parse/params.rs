//! Values with parameters: Content-Type and Content-Disposition, with the names of RFC 2231 and without.

use std::collections::BTreeMap;

use super::{decode, words};

/// No honest value is longer.
const VALUE_BYTES_MAX: usize = 16 * 1024;

#[derive(Debug, Default)]
pub struct Params {
    /// What stands before the first `;`, in lower case.
    pub value: String,
    params: BTreeMap<String, String>,
}

#[derive(Default)]
struct Segments {
    charset: Option<String>,
    parts: BTreeMap<u32, (Vec<u8>, bool)>,
}

impl Params {
    pub fn read(value: &str) -> Self {
        let end =
            (0..=VALUE_BYTES_MAX.min(value.len())).rev().find(|at| value.is_char_boundary(*at));
        let mut pieces = split(&value[..end.unwrap_or(0)]).into_iter();
        let first = pieces.next().unwrap_or_default();
        let mut params = BTreeMap::new();
        let mut extended: BTreeMap<String, Segments> = BTreeMap::new();
        for piece in pieces {
            let Some((name, content)) = piece.split_once('=') else { continue };
            let name = name.trim().to_ascii_lowercase();
            let content = content.trim();
            match name.split_once('*') {
                None => {
                    params.entry(name).or_insert_with(|| words::decoded(content));
                }
                Some((base, index)) => {
                    extended.entry(base.to_owned()).or_default().take(index, content)
                }
            }
        }
        params.extend(extended.into_iter().map(|(name, segments)| (name, segments.joined())));
        Self { value: first.trim().to_ascii_lowercase(), params }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl Segments {
    /// `index` is what follows the first `*`: empty, `0`, `0*`, `1`, …
    fn take(&mut self, index: &str, content: &str) {
        let encoded = index.is_empty() || index.ends_with('*');
        let number = index.trim_end_matches('*').parse().unwrap_or(0);
        let mut content = content;
        if encoded && number == 0 {
            let mut quoted = content.splitn(3, '\'');
            if let (Some(charset), Some(_), Some(rest)) =
                (quoted.next(), quoted.next(), quoted.next())
            {
                self.charset = Some(charset.to_owned());
                content = rest;
            }
        }
        self.parts.entry(number).or_insert_with(|| (content.as_bytes().to_vec(), encoded));
    }

    fn joined(self) -> String {
        let bytes = self
            .parts
            .into_values()
            .flat_map(|(bytes, encoded)| if encoded { decode::percent(&bytes) } else { bytes })
            .collect();
        let charset = self.charset.filter(|charset| !charset.is_empty());
        decode::in_charset(bytes, charset.as_deref().unwrap_or("utf-8")).text
    }
}

/// Splits at `;` outside quotes, and drops the quotes and the comments.
fn split(value: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut quoted, mut escaped, mut comment) = (false, false, 0_usize);
    for c in value.chars() {
        let Some(piece) = pieces.last_mut() else { break };
        match c {
            _ if escaped => {
                escaped = false;
                // A Windows path in quotes is not escaped by those who write it.
                if !matches!(c, '"' | '\\' | '(' | ')') {
                    piece.push('\\');
                }
                piece.push(c);
            }
            '\\' if quoted => escaped = true,
            '"' if comment == 0 => quoted = !quoted,
            _ if quoted => piece.push(c),
            '(' if piece.trim_end().is_empty() || piece.ends_with(' ') || comment > 0 => {
                comment += 1
            }
            ')' if comment > 0 => comment -= 1,
            _ if comment > 0 => {}
            ';' => pieces.push(String::new()),
            _ => piece.push(c),
        }
    }
    pieces
}
