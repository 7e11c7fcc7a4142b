//! The colours of a report, and its style sheets.

/// The colours: a name, the value on a light page and on paper, and the value on a dark page.
const COLOURS: [(&str, &str, &str); 13] = [
    ("back", "#ffffff", "#12161c"),
    ("fore", "#1b1f24", "#e4e8ed"),
    ("soft", "#57606a", "#a3acb7"),
    ("rule", "#d0d7de", "#3a424d"),
    ("panel", "#f6f8fa", "#1c222a"),
    ("link", "#0550ae", "#7ab8ff"),
    ("easy", "#2a78b8", "#5aa9e6"),
    ("medium", "#7d8590", "#98a1ac"),
    ("hard", "#c4561b", "#f08a4b"),
    ("second", "#7a4fb5", "#b79bf0"),
    ("warn", "#fff4d6", "#3a2f0d"),
    ("warn-rule", "#b58400", "#d9a514"),
    ("right", "#1a7f37", "#4cc46a"),
];
const PAGE: &str = include_str!("templates/style.css");
const PLOT: &str = include_str!("templates/plot.css");

/// The style sheet of a page.
pub(super) fn page() -> String {
    let light: String = COLOURS.iter().map(|(name, light, _)| format!("--{name}:{light};")).collect();
    let dark: String = COLOURS.iter().map(|(name, _, dark)| format!("--{name}:{dark};")).collect();
    format!(
        ":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}@media print{{:root{{{light}}}}}\n{PLOT}{PAGE}"
    )
}

/// The style sheet of a picture in a file of its own, where colours have no names.
pub(super) fn picture() -> String {
    COLOURS.iter().fold(PLOT.to_owned(), |css, (name, light, _)| css.replace(&format!("var(--{name})"), light))
}
