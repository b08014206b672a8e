//! Bytes as hexadecimal digits.

/// Two digits for each byte.
pub(super) fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Any number of bytes; none when the text is something else.
pub(super) fn decode_all(digits: &str) -> Option<Vec<u8>> {
    let value =
        |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| Some(value(*pair.first()?)? << 4 | value(*pair.get(1)?)?)).collect()
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
        assert_eq!(decode_all("0001A5ff"), Some(bytes.to_vec()));
        assert_eq!(decode_all(""), Some(Vec::new()));
        for other in ["0", "0g", "+1", "0\u{e9}"] {
            assert_eq!(decode_all(other), None, "{other}");
        }
    }
}
