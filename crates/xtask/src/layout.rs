//! Files: each Rust file says first what it is for, and none grows beyond what can be read at once.

use crate::run::{Failure, program, read, root};

const LINES_MAX: usize = 400;

pub fn check() -> Result<(), Failure> {
    let mut faults = Vec::new();
    let listed =
        read(program("git", &["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"]))?;
    for path in listed.lines() {
        // A file that was just deleted is still listed.
        let Ok(text) = std::fs::read_to_string(root().join(path)) else { continue };
        if !text.starts_with("//!") {
            faults.push(format!("{path} does not begin with a `//!` line"));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("{path} has {lines} lines; {LINES_MAX} is the most"));
        }
    }
    if faults.is_empty() {
        println!("== layout: {} files", listed.lines().count());
        return Ok(());
    }
    Err(faults.join("\n"))
}
