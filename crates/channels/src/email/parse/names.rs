//! Text that people read and trust: display names, subjects, file names. What could disguise it is taken out.

const NAME_BYTES_MAX: usize = 200;

/// One line without control characters and without marks that turn the direction of text; `None` if nothing remains.
pub fn shown(text: &str) -> Option<String> {
    let mut line = String::with_capacity(text.len());
    let mut space = false;
    for c in text.chars() {
        if c.is_whitespace() {
            space = true;
        } else if !c.is_control() && !turns_direction(c) {
            if space && !line.is_empty() {
                line.push(' ');
            }
            space = false;
            line.push(c);
        }
    }
    (!line.is_empty()).then_some(line)
}

/// A file name without a path, of bounded length, its ending kept.
pub fn file(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).find(|part| !part.trim().is_empty())?;
    let shown = shown(last)?;
    let name = shown.trim_matches(['.', ' ', '"']);
    if name.is_empty() {
        return None;
    }
    if name.len() <= NAME_BYTES_MAX {
        return Some(name.to_owned());
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending).filter(|e| e.len() <= 16);
    let room = NAME_BYTES_MAX - ending.map_or(0, |ending| ending.len() + 1);
    let end = (0..=room).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    Some(match ending {
        Some(ending) => format!("{}.{ending}", &name[..end]),
        None => name[..end].to_owned(),
    })
}

pub fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Characters that make two addresses look alike.
pub fn is_invisible(c: char) -> bool {
    turns_direction(c)
        || matches!(c, '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}
