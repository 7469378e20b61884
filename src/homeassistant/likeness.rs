//! "Did you mean …?"

/// Below this likeness a suggestion would only confuse.
const LIKE_ENOUGH: f64 = 0.75;

/// The known word that is most like another one, case aside.
pub(super) fn nearest<'a>(known: impl IntoIterator<Item = &'a str>, word: &str) -> Option<&'a str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&known.to_lowercase(), &word), known))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
