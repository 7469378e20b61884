//! The text of a file that a person wrote, as far as it has a sensible length.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

/// Bytes of a configuration or a profile. The longest built-in profile has a hundredth of it.
pub(super) const MAX_FILE_BYTES: u64 = 1_048_576;
/// Bytes of a file that holds one secret.
pub(super) const MAX_SECRET_BYTES: u64 = 65_536;

/// The text of a file of at most so many bytes.
///
/// # Errors
/// When it cannot be read, is no UTF-8, or is longer.
pub(super) fn read(file: &Path, max_bytes: u64) -> io::Result<String> {
    let mut text = String::new();
    let limited = &mut File::open(file)?.take(max_bytes + 1);
    limited.read_to_string(&mut text)?;
    if limited.limit() == 0 {
        let message = format!("it is longer than {max_bytes} bytes");
        return Err(io::Error::new(ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}
