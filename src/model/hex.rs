//! Bytes as hex text, the form that binary attributes take over HTTP and MQTT (documented).

/// Lower-case hex.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0x0f])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

/// Why a text is no hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HexError {
    /// A character that is no digit.
    #[error("{0:?} is not a hex digit")]
    Digit(char),
    /// Half a byte is missing.
    #[error("it has an odd number of hex digits ({0})")]
    Odd(usize),
}

/// Reads hex of either case, without prefix or blanks.
///
/// # Errors
/// [`HexError`] names the first character that is no digit, or the odd count.
pub fn decode(text: &str) -> Result<Vec<u8>, HexError> {
    let digits = text
        .chars()
        .map(|c| {
            c.to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
                .ok_or(HexError::Digit(c))
        })
        .collect::<Result<Vec<u8>, HexError>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(HexError::Odd(digits.len()));
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_reads_both_cases_and_writes_lower() {
        assert_eq!(decode("00fFa5"), Ok(vec![0, 255, 0xa5]));
        assert_eq!(encode(&[0, 255, 0xa5]), "00ffa5");
        assert_eq!(decode(""), Ok(vec![]));
    }

    #[test]
    fn hex_says_what_is_wrong() {
        assert_eq!(decode("abc"), Err(HexError::Odd(3)));
        assert_eq!(decode("0x01"), Err(HexError::Digit('x')));
        assert_eq!(decode("00 1"), Err(HexError::Digit(' ')));
        assert_eq!(decode("٣٣"), Err(HexError::Digit('٣')));
    }
}
