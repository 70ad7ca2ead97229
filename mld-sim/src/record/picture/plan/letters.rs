//! How much room texts take.

/// How wide a text is at most, in the widest of the fonts that it may be shown in.
pub(in crate::record::picture) fn text_width(text: &str, size: f64) -> f64 {
    let letters = text.chars().map(|letter| match letter {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ';' | ':' | ' ' | '\'' | '|' | '!' => 0.32,
        'f' | 't' | 'r' | '(' | ')' | '{' | '}' | '[' | ']' | '-' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '…' | '×' => 0.98,
        'A'..='Z' => 0.72,
        _ => 0.63,
    });
    size * letters.sum::<f64>()
}

/// The text, or as much of its beginning and end as fits.
pub(in crate::record::picture) fn shortened(text: &str, size: f64, width_max: f64) -> String {
    if text_width(text, size) <= width_max {
        return text.to_owned();
    }
    let letters: Vec<_> = text.chars().collect();
    let middle_cut = |kept: usize| -> String {
        let (first, last) = (kept - kept / 3, letters.len() - kept / 3);
        letters[..first].iter().chain(&['…']).chain(&letters[last..]).collect()
    };
    let fitting = (1..letters.len()).rev().map(middle_cut).find(|text| text_width(text, size) <= width_max);
    fitting.unwrap_or_else(|| "…".into())
}
