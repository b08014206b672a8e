//! HTML of mail: made safe to show, made from text, turned into text.

mod complexity;
mod text;

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use ammonia::{Builder, UrlRelative};

pub use self::text::{from_text, preview, to_text};

/// Longer HTML is shown as text.
const HTML_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Larger pictures inside the HTML are dropped; the base64 of 100 KB.
const DATA_IMAGE_CHARS_MAX: usize = 100 * 1024 * 4 / 3 + 64;
/// Stands for the scheme of a remote picture until its attribute is renamed. It begins with a noncharacter, which
/// no URL contains.
const HELD_BACK: &str = "\u{FDD1}remote:";

/// HTML that may be shown in a sandboxed frame. It loads nothing by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Pictures of the mail keep `src="cid:…"`; remote ones have `data-remote-src` instead.
    pub html: String,
    /// Something would have been loaded from elsewhere.
    pub remote_content: bool,
}

pub fn clean(html: &str) -> Cleaned {
    if html.len() > HTML_BYTES_MAX || complexity::is_excessive(html) {
        return Cleaned { html: from_text(&to_text(html)), remote_content: false };
    }
    let remote = Arc::new(AtomicBool::new(style_sheets_load(html)));
    let found = Arc::clone(&remote);
    let mut builder = Builder::default();
    allow(&mut builder);
    builder.attribute_filter(move |element, attribute, value| {
        let verdict = judge(element, attribute, value);
        if matches!(&verdict, Verdict::Remote | Verdict::HeldBack(_)) {
            found.store(true, Ordering::Relaxed);
        }
        match verdict {
            Verdict::Keep => Some(Cow::Borrowed(value)),
            Verdict::HeldBack(url) => Some(Cow::Owned(format!("{HELD_BACK}{url}"))),
            Verdict::Drop | Verdict::Remote => None,
        }
    });
    let html = builder
        .clean(html)
        .to_string()
        .replace(&format!("src=\"{HELD_BACK}"), "data-remote-src=\"")
        .replace('\0', "\u{FFFD}");
    Cleaned { html, remote_content: remote.load(Ordering::Relaxed) }
}

enum Verdict {
    Keep,
    Drop,
    /// Dropped, and the reader is told.
    Remote,
    HeldBack(String),
}

fn allow(builder: &mut Builder<'_>) {
    builder
        .add_tags(["font", "tfoot", "big"])
        .rm_tags(["map", "area"])
        .add_clean_content_tags([
            "applet", "audio", "embed", "head", "iframe", "math", "noembed", "noframes", "object",
            "select", "svg", "template", "textarea", "title", "video", "xmp",
        ])
        .rm_tag_attributes("blockquote", ["cite"])
        .rm_tag_attributes("q", ["cite"])
        .rm_tag_attributes("del", ["cite"])
        .rm_tag_attributes("ins", ["cite"])
        .add_generic_attributes([
            "dir",
            "style",
            "align",
            "valign",
            "bgcolor",
            "background",
            "srcset",
        ])
        .add_tag_attributes("font", ["color", "face", "size"])
        .add_tag_attributes("table", ["border", "cellpadding", "cellspacing", "width", "height"])
        .add_tag_attributes("td", ["width", "height", "nowrap"])
        .add_tag_attributes("th", ["width", "height", "nowrap"])
        .add_tag_attributes("col", ["width"])
        .add_tag_attributes("ol", ["type"])
        .add_tag_attributes("ul", ["type"])
        .set_tag_attribute_value("a", "target", "_blank")
        .link_rel(Some("noopener noreferrer nofollow"))
        .url_schemes(["http", "https", "mailto", "tel", "cid", "data"].into())
        // Decided by `judge`, which must see them first.
        .url_relative(UrlRelative::PassThrough)
        .filter_style_properties(STYLE_PROPERTIES.iter().copied().collect());
}

/// None of these can place content outside the message or load anything.
static STYLE_PROPERTIES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    "background-color border border-bottom border-bottom-color border-bottom-style border-bottom-width \
     border-collapse border-color border-left border-left-color border-left-style border-left-width border-radius \
     border-right border-right-color border-right-style border-right-width border-spacing border-style border-top \
     border-top-color border-top-style border-top-width border-width color direction display font font-family \
     font-size font-style font-weight height letter-spacing line-height list-style-type margin margin-bottom \
     margin-left margin-right margin-top max-width min-width padding padding-bottom padding-left padding-right \
     padding-top table-layout text-align text-decoration text-indent text-transform vertical-align white-space \
     width word-break word-wrap overflow-wrap"
        .split_whitespace()
        .collect()
});

fn judge(element: &str, attribute: &str, value: &str) -> Verdict {
    match attribute {
        "src" => picture(element, value),
        "href" => link(value),
        "background" | "srcset" if is_remote(&url(value)) || attribute == "srcset" => {
            Verdict::Remote
        }
        "background" => Verdict::Drop,
        "style" => style(value),
        _ => Verdict::Keep,
    }
}

fn picture(element: &str, value: &str) -> Verdict {
    let url = url(value);
    let lower = prefix_in_lower_case(&url);
    if element != "img" {
        return Verdict::Drop;
    }
    if is_remote(&url) {
        return Verdict::HeldBack(url);
    }
    let small_picture = ["png", "jpeg", "jpg", "gif", "webp"]
        .iter()
        .any(|kind| lower.starts_with(&format!("data:image/{kind};base64,")))
        && url.len() <= DATA_IMAGE_CHARS_MAX;
    if lower.starts_with("cid:") || small_picture { Verdict::Keep } else { Verdict::Drop }
}

fn link(value: &str) -> Verdict {
    let lower = prefix_in_lower_case(&url(value));
    let known =
        ["http:", "https:", "mailto:", "tel:"].iter().any(|scheme| lower.starts_with(scheme));
    if known { Verdict::Keep } else { Verdict::Drop }
}

/// A backslash can spell `url` in a way that is not seen here.
fn style(value: &str) -> Verdict {
    let lower = value.to_ascii_lowercase();
    if loads(&lower) {
        return Verdict::Remote;
    }
    let suspicious =
        ["\\", "expression", "url(", "image(", "/*"].iter().any(|word| lower.contains(word));
    if suspicious { Verdict::Drop } else { Verdict::Keep }
}

fn loads(css: &str) -> bool {
    let names = ["url(", "image(", "image-set(", "@import"].iter().any(|word| css.contains(word));
    names && ["http:", "https:", "//"].iter().any(|start| css.contains(start))
}

/// Style sheets go as a whole; this only finds out whether they would have loaded something.
fn style_sheets_load(html: &str) -> bool {
    let lower = html.to_ascii_lowercase();
    lower.split("<style").skip(1).any(|rest| loads(rest.split("</style").next().unwrap_or(rest)))
}

/// A URL as a browser reads it: line ends and tabs inside it do not count.
fn url(value: &str) -> String {
    let joined: String = value.chars().filter(|c| !c.is_ascii_control()).collect();
    joined.trim().to_owned()
}

fn is_remote(url: &str) -> bool {
    let lower = prefix_in_lower_case(url);
    let slashes = lower.bytes().take_while(|byte| matches!(byte, b'/' | b'\\')).count();
    lower.starts_with("http:") || lower.starts_with("https:") || slashes >= 2
}

fn prefix_in_lower_case(url: &str) -> String {
    url.chars().take(32).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
