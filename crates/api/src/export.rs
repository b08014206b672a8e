//! Lists as files: CSV for spreadsheets, NDJSON for programs. A file is written as it is read, a page at a time, so that its
//! size costs no memory; whoever stops reading loses it, and a failure on the way breaks it off rather than end it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use events::audit::ExportFormat;
use futures_util::stream;
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{ApiError, Kind};

/// So many files are written at a time in this process.
pub const EXPORTS_MAX: usize = 4;
/// So many rows of a file are in memory at a time.
pub const ROWS_AT_A_TIME: u32 = 200;
/// A reader that takes nothing for so long has gone.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
/// Pages that are made ahead of the reader.
const PAGES_AHEAD: usize = 1;

/// How a list is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A page, as JSON.
    #[default]
    Json,
    /// All of it, as a table.
    Csv,
    /// All of it, one JSON document per line.
    Ndjson,
}

impl Format {
    /// The form of a file; none for a page.
    #[must_use]
    pub const fn file(self) -> Option<ExportFormat> {
        match self {
            Self::Json => None,
            Self::Csv => Some(ExportFormat::Csv),
            Self::Ndjson => Some(ExportFormat::Ndjson),
        }
    }
}

/// A line of a file.
pub trait Line: Serialize + Send {
    /// The heads of the columns.
    const COLUMNS: &'static [&'static str];
    /// The cells, one for each column.
    fn cells(&self) -> Vec<String>;
}

/// A page of lines, and where the next one begins.
pub type Lines<L, C> = (Vec<L>, Option<C>);

/// Bounds of the files that are being written.
#[derive(Clone)]
pub(crate) struct Exports(Arc<Semaphore>);

impl Default for Exports {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(EXPORTS_MAX)))
    }
}

impl Exports {
    /// A place to write a file.
    ///
    /// # Errors
    /// 503 when all are taken.
    pub fn begin(&self) -> Result<Export, ApiError> {
        let permit = Arc::clone(&self.0).try_acquire_owned();
        let busy = |_| ApiError::unavailable("busy", "too many files are being written");
        Ok(Export { _permit: permit.map_err(busy)? })
    }
}

/// A place to write a file.
pub struct Export {
    _permit: OwnedSemaphorePermit,
}

impl Export {
    /// Answers with a file of this name. `next` reads the page after a place.
    ///
    /// # Errors
    /// What the first page fails with: afterwards the answer has begun.
    pub async fn answer<L, C, F, Fut>(
        self,
        (format, name): (ExportFormat, &str),
        mut next: F,
    ) -> Result<Response, ApiError>
    where
        L: Line + 'static,
        C: Send + 'static,
        F: FnMut(Option<C>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Lines<L, C>, ApiError>> + Send + 'static,
    {
        let (lines, mut place) = next(None).await?;
        let mut first = heads::<L>(format)?;
        first.extend(written(format, &lines)?);
        let (send, mut receive) = mpsc::channel::<Result<Bytes, ApiError>>(PAGES_AHEAD);
        let pages = async move {
            let _place_to_write = self;
            let mut page = Ok(Bytes::from(first));
            loop {
                let is_last = page.is_err() || place.is_none();
                let sent = send.send_timeout(page, TAKEN_WITHIN).await;
                let Some(after) = place.take().filter(|_| !is_last && sent.is_ok()) else { return };
                page = match next(Some(after)).await {
                    Ok((lines, following)) => {
                        place = following;
                        written(format, &lines).map(Bytes::from)
                    }
                    Err(error) => Err(error),
                };
            }
        };
        tokio::spawn(pages);
        let body = stream::poll_fn(move |context| receive.poll_recv(context));
        let body = futures_util::TryStreamExt::map_err(body, |error| broken_off(&error));
        Ok((headers(format, name), Body::from_stream(body)).into_response())
    }
}

impl App {
    /// A place to write a file.
    ///
    /// # Errors
    /// 503 when all are taken.
    pub(crate) fn begin_export(&self) -> Result<Export, ApiError> {
        self.exports().begin()
    }
}

/// An answer that has begun can only be broken off: its reader sees that the end is missing.
fn broken_off(error: &ApiError) -> std::io::Error {
    tracing::warn!(error.code = error.code(), "a file was broken off");
    std::io::Error::other("broken off")
}

fn headers(format: ExportFormat, name: &str) -> [(header::HeaderName, HeaderValue); 2] {
    let (kind, ending) = match format {
        ExportFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
        ExportFormat::Ndjson | ExportFormat::Sealed => ("application/x-ndjson", "ndjson"),
    };
    let disposition = format!("attachment; filename=\"{name}.{ending}\"");
    let attachment = HeaderValue::from_static("attachment");
    [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, HeaderValue::try_from(disposition).unwrap_or(attachment)),
    ]
}

/// Lines as a table; with the heads of its columns if it is the beginning.
///
/// # Errors
/// When it cannot be written.
pub fn table_of<L: Line>(lines: &[L], beginning: bool) -> Result<Vec<u8>, ApiError> {
    let mut bytes = if beginning { heads::<L>(ExportFormat::Csv)? } else { Vec::new() };
    bytes.extend(written(ExportFormat::Csv, lines)?);
    Ok(bytes)
}

fn heads<L: Line>(format: ExportFormat) -> Result<Vec<u8>, ApiError> {
    match format {
        ExportFormat::Csv => {
            table(std::iter::once(L::COLUMNS.iter().map(|head| (*head).to_owned())))
        }
        ExportFormat::Ndjson | ExportFormat::Sealed => Ok(Vec::new()),
    }
}

fn written<L: Line>(format: ExportFormat, lines: &[L]) -> Result<Vec<u8>, ApiError> {
    match format {
        ExportFormat::Csv => table(lines.iter().map(|line| line.cells().into_iter())),
        ExportFormat::Ndjson | ExportFormat::Sealed => {
            let mut bytes = Vec::new();
            for line in lines {
                serde_json::to_writer(&mut bytes, line).map_err(ApiError::failed)?;
                bytes.push(b'\n');
            }
            Ok(bytes)
        }
    }
}

/// Rows of a table, quoted where they must be (RFC 4180).
fn table<R: Iterator<Item = String>>(rows: impl Iterator<Item = R>) -> Result<Vec<u8>, ApiError> {
    let terminator = csv::Terminator::CRLF;
    let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.map(harmless)).map_err(ApiError::failed)?;
    }
    let failed = |_| ApiError::new(Kind::Failed, "internal", "the table could not be written");
    writer.into_inner().map_err(failed)
}

/// A cell that no spreadsheet takes for a formula: a quote mark before it makes it text.
fn harmless(cell: String) -> String {
    let starts = cell
        .trim_start_matches([' ', '\u{a0}'])
        .starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if starts { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Row(String, u32);

    impl Line for Row {
        const COLUMNS: &'static [&'static str] = &["name", "number"];
        fn cells(&self) -> Vec<String> {
            vec![self.0.clone(), self.1.to_string()]
        }
    }

    async fn file(
        format: ExportFormat,
        pages: u32,
        break_at: Option<u32>,
    ) -> Result<String, String> {
        let next = move |after: Option<u32>| async move {
            let page = after.unwrap_or(0);
            if break_at == Some(page) {
                return Err(ApiError::not_found());
            }
            let lines = vec![Row(format!("a,\"{page}"), page)];
            Ok((lines, (page + 1 < pages).then_some(page + 1)))
        };
        let export = Exports::default().begin().unwrap();
        let response = export.answer((format, "x"), next).await.map_err(|e| e.code().to_owned())?;
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await;
        bytes.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).map_err(|e| e.to_string())
    }

    #[tokio::test]
    async fn a_file_has_every_line_of_every_page_once() {
        let table = file(ExportFormat::Csv, 3, None).await.unwrap();
        let expected = "name,number\r\n\"a,\"\"0\",0\r\n\"a,\"\"1\",1\r\n\"a,\"\"2\",2\r\n";
        assert_eq!(table, expected);
        let lines = file(ExportFormat::Ndjson, 2, None).await.unwrap();
        assert_eq!(lines, "[\"a,\\\"0\",0]\n[\"a,\\\"1\",1]\n");
    }

    #[tokio::test]
    async fn a_failure_on_the_way_breaks_the_file_off_and_one_at_the_beginning_is_an_answer() {
        assert_eq!(file(ExportFormat::Csv, 3, Some(0)).await, Err("not_found".to_owned()));
        assert!(file(ExportFormat::Csv, 3, Some(1)).await.is_err(), "it must not look whole");
    }

    #[tokio::test]
    async fn so_many_files_are_written_at_a_time() {
        let exports = Exports::default();
        let mut taken: Vec<_> = (0..EXPORTS_MAX).map(|_| exports.begin().ok().unwrap()).collect();
        assert_eq!(exports.begin().err().unwrap().code(), "busy");
        taken.pop();
        assert!(exports.begin().is_ok());
    }

    #[test]
    fn no_cell_is_taken_for_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", " =1", "＝1"] {
            assert_eq!(harmless(cell.to_owned()), format!("'{cell}"));
        }
        for cell in ["", "a=1", "1-1", "'=1", "Anna"] {
            assert_eq!(harmless(cell.to_owned()), cell);
        }
    }

    #[test]
    fn whatever_is_in_a_cell_it_stays_one_cell() {
        for text in ["a\r\nb", "\"", ",", ";", "a\"b,c\nd", "\u{202e}x", ""] {
            let row = [text.to_owned(), "end".to_owned()];
            let bytes = table(std::iter::once(row.clone().into_iter())).unwrap();
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]);
            let read: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            assert_eq!(read.len(), 1);
            assert_eq!(read[0].iter().collect::<Vec<_>>(), row);
        }
    }
}
