//! Bytes as hexadecimal digits.

/// Two digits for each byte.
pub(super) fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// So many bytes; none when the text is something else.
pub(super) fn decode<const N: usize>(digits: &str) -> Option<[u8; N]> {
    if digits.len() != 2 * N || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_they_are_written_and_nothing_else_is() {
        let bytes = [0, 1, 0xa5, 0xff];
        assert_eq!(encode(&bytes), "0001a5ff");
        assert_eq!(decode(&encode(&bytes)), Some(bytes));
        for other in ["", "0001a5f", "0001a5ff0", "+001a5ff", "0001a5f\u{e9}", "0001a5zz"] {
            assert_eq!(decode::<4>(other), None, "{other}");
        }
    }
}
