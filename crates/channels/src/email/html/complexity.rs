//! Estimates what HTML will cost to parse: deep nesting makes the parser slow, unclosed formatting makes its tree
//! large, and both fit into a small mail.

use std::collections::HashMap;

use super::text::{Token, tokens};

const DEPTH_MAX: usize = 256;
/// The sum of open formatting elements over all tags: each may be opened again for each block.
const REOPENED_MAX: usize = 1_000_000;

/// Elements without content, and those that the parser closes by itself.
const SHALLOW: [&str; 25] = [
    "area", "base", "br", "col", "colgroup", "dd", "dt", "embed", "hr", "img", "input", "li",
    "link", "meta", "option", "p", "param", "source", "tbody", "td", "tfoot", "th", "thead", "tr",
    "wbr",
];

const FORMATTING: [&str; 14] = [
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];

pub fn is_excessive(html: &str) -> bool {
    let mut open: HashMap<String, usize> = HashMap::new();
    let (mut depth, mut formatting, mut reopened) = (0_usize, 0_usize, 0_usize);
    for token in tokens(html) {
        match token {
            Token::Open(name) => {
                reopened += formatting;
                if SHALLOW.contains(&name.as_str()) {
                    continue;
                }
                depth += 1;
                formatting += usize::from(FORMATTING.contains(&name.as_str()));
                *open.entry(name).or_default() += 1;
            }
            Token::Close(name) => {
                if let Some(count) = open.get_mut(&name).filter(|count| **count > 0) {
                    *count -= 1;
                    depth -= 1;
                    formatting -= usize::from(FORMATTING.contains(&name.as_str()));
                }
            }
            Token::Text(_) => {}
        }
        if depth > DEPTH_MAX || reopened > REOPENED_MAX {
            return true;
        }
    }
    false
}
