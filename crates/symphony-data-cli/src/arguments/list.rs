//! Options that take several values.

/// The values of one argument of an option that takes a list. A shell makes two arguments of `a, b`, which means the same
/// as `a,b`.
#[derive(Clone, Debug)]
pub struct List<T>(Vec<T>);

impl<T: Clone> List<T> {
    /// All values of an option.
    pub fn all(lists: &[Self]) -> Vec<T> {
        lists.iter().flat_map(|list| list.0.iter().cloned()).collect()
    }
}

/// Reads each of the values between commas. A comma at either end is allowed, because a blank may have followed it.
pub fn list<T>(text: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<List<T>, String> {
    let inner = text.trim();
    let inner = inner.strip_suffix(',').unwrap_or(inner);
    let inner = inner.strip_prefix(',').unwrap_or(inner);
    let values: Vec<&str> = inner.split(',').map(str::trim).collect();
    if values.contains(&"") {
        return Err("a value is missing; write values with commas between them and no blanks, such as a,b".to_owned());
    }
    values.into_iter().map(read).collect::<Result<_, _>>().map(List)
}
