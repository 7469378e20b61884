//! The two signatures, computed on this side on its own: a mistake cannot hide in both.

use md5::{Digest as _, Md5};

/// MD5 of both texts in a row, in lower-case hex.
pub(super) fn of(first: &str, second: &str) -> String {
    let digest = Md5::new().chain_update(first).chain_update(second);
    let bytes = digest.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_md5_in_lower_case() {
        // As `printf abcdef | md5sum` says.
        assert_eq!(super::of("abc", "def"), "e80b5017098950fc58aad83c8c14978e");
    }
}
