//! The lines of a copy as a stream of bytes: written with their sum, read back in one form only.

use std::io::{self, BufRead, Read, Write};

use sha2::{Digest, Sha256};

use super::fault::Fault;
use super::line::{Begin, End, FORMAT, Line, Point, Totals};

/// The longest line that is read.
pub const LINE_BYTES_MAX: usize = 64 << 20;

/// Writes lines and sums them up.
pub struct LineWriter<W> {
    output: W,
    sum: Sha256,
    rows: Totals,
    buffer: Vec<u8>,
}

impl<W: Write> LineWriter<W> {
    /// A writer to somewhere; buffer it.
    pub fn new(output: W) -> Self {
        Self { output, sum: Sha256::new(), rows: Totals::default(), buffer: Vec::new() }
    }

    /// Writes the next line.
    ///
    /// # Errors
    /// When that fails.
    pub fn line(&mut self, line: &Line) -> io::Result<()> {
        self.buffer.clear();
        serde_json::to_writer(&mut self.buffer, line)?;
        self.buffer.push(b'\n');
        self.output.write_all(&self.buffer)?;
        self.sum.update(&self.buffer);
        self.rows.count(line);
        Ok(())
    }

    /// Where it was written to.
    pub fn into_output(self) -> W {
        self.output
    }

    /// Writes the last line and answers how many rows stand before it. `proof` makes one from the digest.
    ///
    /// # Errors
    /// When writing fails.
    pub fn end(
        &mut self,
        until: Point,
        proof: impl FnOnce(&[u8]) -> [u8; 32],
    ) -> io::Result<Totals> {
        let digest: [u8; 32] = self.sum.clone().finalize().into();
        let (rows, proof) = (self.rows, proof(&digest).into());
        self.line(&Line::End(End { rows, until, digest: digest.into(), proof }))?;
        self.output.flush()?;
        Ok(rows)
    }
}

/// Reads lines and sums them up.
pub struct LineReader<R> {
    input: R,
    /// Of all lines but the one read last.
    sum: Sha256,
    rows: Totals,
    buffer: Vec<u8>,
    number: u64,
}

impl<R: BufRead> LineReader<R> {
    /// A reader of an input.
    pub fn new(input: R) -> Self {
        let (sum, rows) = (Sha256::new(), Totals::default());
        Self { input, sum, rows, buffer: Vec::new(), number: 0 }
    }

    /// The number of the line read last, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// SHA-256 of all lines before the one read last.
    pub fn digest(&self) -> [u8; 32] {
        self.sum.clone().finalize().into()
    }

    /// How many rows have been read.
    pub fn rows(&self) -> Totals {
        self.rows
    }

    /// The next line; none behind the last one.
    ///
    /// # Errors
    /// When it is no line of a copy, or not in the form in which it is written.
    pub fn line(&mut self) -> Result<Option<Line>, Fault> {
        self.sum.update(&self.buffer);
        self.buffer.clear();
        let bound = LINE_BYTES_MAX as u64 + 1;
        let read = (&mut self.input).take(bound).read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let text = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        if text.len() >= LINE_BYTES_MAX {
            return Err(Fault::TooLong { max: LINE_BYTES_MAX });
        }
        let line: Line = serde_json::from_slice(text).map_err(|error| {
            let newer = if self.number == 1 { newer_form(text) } else { None };
            let is_cut = text.len() == read;
            newer.unwrap_or(match is_cut {
                // Without its line break it may have been cut anywhere.
                true => Fault::Cut,
                false => Fault::Form { column: error.column() },
            })
        })?;
        let written = serde_json::to_vec(&line).map_err(|_| Fault::NotAsWritten)?;
        if written != text {
            return Err(Fault::NotAsWritten);
        }
        self.rows.count(&line);
        Ok(Some(line))
    }

    /// The first line.
    ///
    /// # Errors
    /// As [`Self::line`], and when it says nothing of a copy that this program can take in.
    pub fn begin(&mut self) -> Result<Begin, Fault> {
        match self.line()? {
            Some(Line::Begin(begin)) if begin.format == FORMAT => Ok(*begin),
            Some(Line::Begin(begin)) => Err(Fault::OtherForm { format: begin.format.into() }),
            Some(_) => Err(Fault::Order),
            None => Err(Fault::Cut),
        }
    }
}

/// Whether a first line that cannot be read is that of a newer program.
fn newer_form(text: &[u8]) -> Option<Fault> {
    let line: serde_json::Value = serde_json::from_slice(text).ok()?;
    let format = line.get("begin")?.get("format")?.as_u64()?;
    (format > u64::from(FORMAT)).then_some(Fault::OtherForm { format })
}
