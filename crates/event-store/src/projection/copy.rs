//! The binary form of `copy`: how rows go into a table by the thousand, without a statement for each.

use sqlx::error::BoxDynError;

/// What a `copy` in binary form begins with: signature, flags, no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub(super) const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// The first byte of a `jsonb`.
pub(super) const JSONB_VERSION: u8 = 1;
/// The types of array elements, as Postgres numbers them for ever.
pub(super) const TEXT: u32 = 25;
pub(super) const UUID: u32 = 2950;

/// The number of fields of the row that follows.
///
/// # Errors
/// When there are more than a row can have.
pub(super) fn row(fields: usize, out: &mut Vec<u8>) -> Result<(), BoxDynError> {
    out.extend_from_slice(&i16::try_from(fields)?.to_be_bytes());
    Ok(())
}

/// A field: its length, then what `write` writes.
///
/// # Errors
/// When `write` fails, or the value is too long.
pub(super) fn field(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), BoxDynError>,
) -> Result<(), BoxDynError> {
    let from = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out)?;
    let length = i32::try_from(out.len() - from - 4)?;
    out[from..from + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// A field without a value.
pub(super) fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1_i32).to_be_bytes());
}

/// A text. Postgres keeps no NUL in one: it is left out.
pub(super) fn text(text: &str, out: &mut Vec<u8>) {
    if text.contains('\0') {
        out.extend(text.bytes().filter(|byte| *byte != 0));
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// An array of one dimension.
///
/// # Errors
/// When it is too long.
pub(super) fn array<T>(
    element: u32,
    items: &[T],
    out: &mut Vec<u8>,
    write: impl Fn(&T, &mut Vec<u8>),
) -> Result<(), BoxDynError> {
    let dimensions = i32::from(!items.is_empty());
    out.extend_from_slice(&dimensions.to_be_bytes());
    out.extend_from_slice(&0_i32.to_be_bytes());
    out.extend_from_slice(&element.to_be_bytes());
    if items.is_empty() {
        return Ok(());
    }
    out.extend_from_slice(&i32::try_from(items.len())?.to_be_bytes());
    out.extend_from_slice(&1_i32.to_be_bytes());
    for item in items {
        field(out, |out| {
            write(item, out);
            Ok(())
        })?;
    }
    Ok(())
}

/// `jsonb` refuses an escaped NUL. The replacement has the same length, so no other escape falls apart.
pub(super) fn without_escaped_nul(json: &mut [u8]) {
    const NUL: &[u8] = b"\\u0000";
    // Almost none has one, and a text is searched fastest.
    if std::str::from_utf8(json).is_ok_and(|text| !text.contains("\\u0000")) {
        return;
    }
    let mut from = 0;
    while let Some(found) = json[from..].windows(NUL.len()).position(|part| part == NUL) {
        json[from + found..from + found + NUL.len()].copy_from_slice(b"\\ufffd");
        from += found + NUL.len();
    }
}
