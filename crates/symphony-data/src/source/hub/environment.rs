//! The environment variables of the Hub, read as Python's `huggingface_hub` reads them: where the cache is, which token
//! is sent, whether the network may be used. No other file of this module reads a variable.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// Variables that name a proxy.
const PROXIES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];

/// The settings in the environment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Environment {
    /// The folder of the cache, with one folder per repository.
    pub cache: PathBuf,
    /// The token in a variable.
    token: Option<String>,
    /// The file where `hf auth login` stores the token; `None` if no token may be sent.
    token_file: Option<PathBuf>,
    /// The variable that forbids the network, if one does.
    pub offline: Option<&'static str>,
    /// The address of the Hub; `None` for the default.
    pub endpoint: Option<String>,
    /// How long to wait for more bytes, as the user wrote it.
    pub download_timeout: Option<String>,
    /// Whether a proxy is set.
    pub has_proxy: bool,
}

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        Self::of(&|name| std::env::var_os(name), &home_of)
    }

    /// The settings in these variables. `home` finds the home folder of a user by name, or of the current user.
    pub fn of(var: &dyn Fn(&str) -> Option<OsString>, home: &dyn Fn(Option<&str>) -> Option<OsString>) -> Self {
        let expanded = |value: OsString| expanded(value, var, home);
        let join = |folder: OsString, name: &str| Path::new(&folder).join(name).into_os_string();
        let text = |name: &str| var(name).map(|value| value.to_string_lossy().into_owned());
        // As in Python, an empty value counts as set and means the working directory.
        let caches = var("XDG_CACHE_HOME").unwrap_or_else(|| join(expanded("~".into()), ".cache"));
        let hf_home = expanded(var("HF_HOME").unwrap_or_else(|| join(caches, "huggingface")));
        let cache = var("HF_HUB_CACHE")
            .or_else(|| var("HUGGINGFACE_HUB_CACHE"))
            .unwrap_or_else(|| join(hf_home.clone(), "hub"));
        let token_file = var("HF_TOKEN_PATH").unwrap_or_else(|| join(hf_home, "token"));
        let says = |name: &'static str| text(name).is_some_and(|value| is_true(&value)).then_some(name);
        let has = |name: &str| var(name).is_some_and(|value| !value.is_empty());
        let hub = if has("HF_HUB_OFFLINE") { "HF_HUB_OFFLINE" } else { "TRANSFORMERS_OFFLINE" };
        let named = if has("HF_TOKEN") { "HF_TOKEN" } else { "HUGGING_FACE_HUB_TOKEN" };
        let forbidden = says("HF_HUB_DISABLE_IMPLICIT_TOKEN").is_some();
        Self {
            cache: expanded(cache).into(),
            token: text(named).and_then(|token| clean(&token)).filter(|_| !forbidden),
            token_file: (!forbidden).then(|| expanded(token_file).into()),
            // This one belongs to the `datasets` library.
            offline: says(hub).or_else(|| says("HF_DATASETS_OFFLINE")),
            endpoint: text("HF_ENDPOINT").filter(|value| !value.is_empty()),
            download_timeout: text("HF_HUB_DOWNLOAD_TIMEOUT").filter(|value| !value.is_empty()),
            has_proxy: PROXIES.iter().any(|name| has(name)),
        }
    }

    /// The token to send, if there is one.
    pub fn token(&self) -> Option<String> {
        let of_file = || clean(&std::fs::read_to_string(self.token_file.as_ref()?).ok()?);
        self.token.clone().or_else(of_file)
    }
}

/// Whether a switch is on.
fn is_true(value: &str) -> bool {
    matches!(value.to_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE")
}

/// A token without the spaces and line ends around it; `None` if it is empty.
fn clean(token: &str) -> Option<String> {
    let token = token.replace(['\r', '\n'], "");
    Some(token.trim().to_owned()).filter(|token| !token.is_empty())
}

/// A path with `~` and variables replaced, as by Python's `expanduser` and then `expandvars`.
fn expanded(
    value: OsString,
    var: &dyn Fn(&str) -> Option<OsString>,
    home: &dyn Fn(Option<&str>) -> Option<OsString>,
) -> OsString {
    match value.to_str() {
        Some(text) => with_variables(&with_home(text, var, home), var).into(),
        // A name that is not Unicode is taken as it is.
        None => value,
    }
}

/// A path with a leading `~` or `~user` replaced by the home folder, if that is known.
fn with_home(
    path: &str,
    var: &dyn Fn(&str) -> Option<OsString>,
    home: &dyn Fn(Option<&str>) -> Option<OsString>,
) -> String {
    let Some(rest) = path.strip_prefix('~') else { return path.to_owned() };
    let (user, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let folder = if user.is_empty() { var("HOME").or_else(|| home(None)) } else { home(Some(user)) };
    let Some(folder) = folder.and_then(|folder| folder.into_string().ok()) else { return path.to_owned() };
    let expanded = folder.trim_end_matches('/').to_owned() + rest;
    if expanded.is_empty() { "/".to_owned() } else { expanded }
}

/// A text with `$NAME` and `${NAME}` replaced by their values. Unset names stay; values are not expanded again.
fn with_variables(text: &str, var: &dyn Fn(&str) -> Option<OsString>) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (mut found, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        found += before;
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, behind) =
            braced.unwrap_or_else(|| after.split_at(after.find(|c| !is_part(c)).unwrap_or(after.len())));
        let value = Some(name).filter(|name| !name.is_empty()).and_then(var).and_then(|value| value.into_string().ok());
        match value {
            Some(value) => found += &value,
            None => found = found + "$" + &after[..after.len() - behind.len()],
        }
        rest = behind;
    }
    found + rest
}

/// The home folder of the user with this name, or of the current user.
fn home_of(user: Option<&str>) -> Option<OsString> {
    let Some(user) = user else { return std::env::home_dir().map(PathBuf::into_os_string) };
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let mut fields = users.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(user))?;
    fields.nth(5).map(OsString::from)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use serde_json::{Value, json};

    use super::*;

    type Variables = &'static [(&'static str, &'static str)];

    /// The settings in these variables, on a machine whose users are root and the one of /home/pw.
    fn of(variables: &[(&str, &str)]) -> Environment {
        let var = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        let home = |user: Option<&str>| match user {
            None => Some("/home/pw".into()),
            Some("root") => Some("/root".into()),
            Some(_) => None,
        };
        Environment::of(&var, &home)
    }

    /// Variables, and the cache and the token file that `huggingface_hub` 2.4.0 computes from them. `HOME` is /home/me.
    const PLACES: [(Variables, &str, &str); 29] = [
        (&[], "/home/me/.cache/huggingface/hub", "/home/me/.cache/huggingface/token"),
        (&[("HF_HOME", "~/x")], "/home/me/x/hub", "/home/me/x/token"),
        (&[("HF_HOME", "$HOME/x")], "/home/me/x/hub", "/home/me/x/token"),
        (&[("HF_HOME", "${HOME}/x/")], "/home/me/x/hub", "/home/me/x/token"),
        (&[("HF_HOME", "$NOWHERE/x")], "$NOWHERE/x/hub", "$NOWHERE/x/token"),
        (&[("HF_HOME", "${NOWHERE}/$HOMEX/a$")], "${NOWHERE}/$HOMEX/a$/hub", "${NOWHERE}/$HOMEX/a$/token"),
        (&[("HF_HOME", "${a$HOME}/${}/${b")], "${a$HOME}/${}/${b/hub", "${a$HOME}/${}/${b/token"),
        (&[("HF_HOME", "")], "hub", "token"),
        (&[("HF_HOME", "/a ")], "/a /hub", "/a /token"),
        (&[("HF_HOME", "rel")], "rel/hub", "rel/token"),
        (&[("HF_HOME", "~root/x")], "/root/x/hub", "/root/x/token"),
        (&[("HF_HOME", "~nobodyhere/x")], "~nobodyhere/x/hub", "~nobodyhere/x/token"),
        (&[("HF_HOME", "/a/~/b")], "/a/~/b/hub", "/a/~/b/token"),
        (&[("HF_HOME", "~")], "/home/me/hub", "/home/me/token"),
        (&[("XDG_CACHE_HOME", "~/xdg")], "/home/me/xdg/huggingface/hub", "/home/me/xdg/huggingface/token"),
        (&[("XDG_CACHE_HOME", "")], "huggingface/hub", "huggingface/token"),
        (&[("XDG_CACHE_HOME", "/xdg"), ("HF_HOME", "/h")], "/h/hub", "/h/token"),
        (&[("HF_HUB_CACHE", "~/c")], "/home/me/c", "/home/me/.cache/huggingface/token"),
        (&[("HF_HUB_CACHE", "$OTHER/c"), ("OTHER", "$HOME")], "$HOME/c", "/home/me/.cache/huggingface/token"),
        // The value of HF_HOME is expanded once more as part of the cache's path.
        (&[("HF_HOME", "$OTHER/c"), ("OTHER", "$HOME")], "/home/me/c/hub", "/home/me/c/token"),
        (&[("HF_HUB_CACHE", "")], "", "/home/me/.cache/huggingface/token"),
        (&[("HUGGINGFACE_HUB_CACHE", "~/old")], "/home/me/old", "/home/me/.cache/huggingface/token"),
        (&[("HUGGINGFACE_HUB_CACHE", "${HOME}/old")], "/home/me/old", "/home/me/.cache/huggingface/token"),
        (&[("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", "/new")], "/new", "/home/me/.cache/huggingface/token"),
        (&[("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HOME", "/h")], "/old", "/h/token"),
        (&[("HF_TOKEN_PATH", "~/t")], "/home/me/.cache/huggingface/hub", "/home/me/t"),
        (&[("HF_TOKEN_PATH", "$HOME/t"), ("HF_HOME", "/h")], "/h/hub", "/home/me/t"),
        (&[("HOME", "/home/me/"), ("HF_HOME", "~/x")], "/home/me/x/hub", "/home/me/x/token"),
        (&[("HOME", ""), ("HF_HOME", "~")], "/hub", "/token"),
    ];

    /// Variables, and whether `huggingface_hub` 2.4.0 is offline, which token it takes from a variable, and whether it may
    /// send any.
    const SWITCHES: [(Variables, bool, Option<&str>, bool); 23] = [
        (&[], false, None, true),
        (&[("HF_HUB_OFFLINE", "1")], true, None, true),
        (&[("HF_HUB_OFFLINE", "yes")], true, None, true),
        (&[("HF_HUB_OFFLINE", "True")], true, None, true),
        (&[("HF_HUB_OFFLINE", "oN")], true, None, true),
        (&[("HF_HUB_OFFLINE", "0")], false, None, true),
        (&[("HF_HUB_OFFLINE", "2")], false, None, true),
        (&[("HF_HUB_OFFLINE", " 1")], false, None, true),
        (&[("TRANSFORMERS_OFFLINE", "1")], true, None, true),
        (&[("TRANSFORMERS_OFFLINE", "off")], false, None, true),
        (&[("HF_HUB_OFFLINE", ""), ("TRANSFORMERS_OFFLINE", "on")], true, None, true),
        (&[("HF_HUB_OFFLINE", "0"), ("TRANSFORMERS_OFFLINE", "1")], false, None, true),
        (&[("HF_TOKEN", " a\n")], false, Some("a"), true),
        (&[("HF_TOKEN", "")], false, None, true),
        (&[("HUGGING_FACE_HUB_TOKEN", "b")], false, Some("b"), true),
        (&[("HF_TOKEN", ""), ("HUGGING_FACE_HUB_TOKEN", "b")], false, Some("b"), true),
        (&[("HF_TOKEN", "  "), ("HUGGING_FACE_HUB_TOKEN", "b")], false, None, true),
        (&[("HF_TOKEN", "a"), ("HUGGING_FACE_HUB_TOKEN", "b")], false, Some("a"), true),
        (&[("HF_HUB_DISABLE_IMPLICIT_TOKEN", "0"), ("HF_TOKEN", "a")], false, Some("a"), true),
        (&[("HF_HUB_DISABLE_IMPLICIT_TOKEN", ""), ("HF_TOKEN", "a")], false, Some("a"), true),
        (&[("HF_HUB_DISABLE_IMPLICIT_TOKEN", "no"), ("HF_TOKEN", "a")], false, Some("a"), true),
        (&[("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"), ("HF_TOKEN", "a")], false, Some("a"), false),
        (&[("HF_HUB_DISABLE_IMPLICIT_TOKEN", "true")], false, None, false),
    ];

    /// The variables of a case, with a home where it names none.
    fn with_a_home(variables: Variables) -> Vec<(&'static str, &'static str)> {
        let own = variables.iter().any(|(name, _)| *name == "HOME");
        variables.iter().copied().chain((!own).then_some(("HOME", "/home/me"))).collect()
    }

    #[test]
    fn the_cache_and_the_token_are_where_python_has_them() {
        for (variables, cache, token) in PLACES {
            let found = of(&with_a_home(variables));
            assert_eq!(found.cache, Path::new(cache), "{variables:?}");
            assert_eq!(found.token_file.as_deref(), Some(Path::new(token)), "{variables:?}");
        }
        // Without HOME, the system knows the user's home.
        assert_eq!(of(&[("HF_HOME", "~/x")]).cache, Path::new("/home/pw/x/hub"));
    }

    #[test]
    fn switches_and_tokens_mean_what_they_mean_in_python() {
        for (variables, offline, token, may_send) in SWITCHES {
            let found = of(&with_a_home(variables));
            assert_eq!(found.offline.is_some(), offline, "{variables:?}");
            assert_eq!(found.token.as_deref(), token.filter(|_| may_send), "{variables:?}");
            assert_eq!(found.token_file.is_some(), may_send, "{variables:?}");
        }
    }

    #[test]
    fn the_offline_switch_of_the_datasets_library_counts_too() {
        assert_eq!(of(&[("HF_DATASETS_OFFLINE", "1")]).offline, Some("HF_DATASETS_OFFLINE"));
        assert_eq!(of(&[("HF_DATASETS_OFFLINE", "0")]).offline, None);
        // In Python, one switch is for `datasets` and the other for the library below it.
        assert!(of(&[("HF_DATASETS_OFFLINE", "0"), ("HF_HUB_OFFLINE", "1")]).offline.is_some());
        assert!(of(&[("HF_DATASETS_OFFLINE", "1"), ("HF_HUB_OFFLINE", "0")]).offline.is_some());
    }

    #[test]
    fn pythons_huggingface_hub_computes_the_same_settings() {
        let python = std::env::var("SYMPHONY_DATA_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let script = "
import importlib, json, os, sys
from huggingface_hub import constants
from huggingface_hub.utils import _auth
found = []
for case in json.loads(sys.argv[1]):
    os.environ.clear()
    os.environ.update(case)
    importlib.reload(constants)
    found.append([constants.HF_HUB_CACHE, constants.HF_TOKEN_PATH, constants.HF_HUB_OFFLINE,
                  not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN, _auth._get_token_from_environment()])
print(json.dumps(found))";
        let cases: Vec<Vec<(&str, &str)>> =
            PLACES.iter().map(|case| case.0).chain(SWITCHES.map(|case| case.0)).map(with_a_home).collect();
        let as_json = |case: &Vec<(&str, &str)>| {
            Value::Object(case.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect())
        };
        let argument = Value::Array(cases.iter().map(as_json).collect()).to_string();
        let output = Command::new(&python).args(["-c", script, &argument]).output();
        let Some(output) = output.ok().filter(|output| output.status.success()) else {
            eprintln!("SKIPPED: {python} has no huggingface_hub (`make test` installs it)");
            return;
        };
        let theirs: Vec<(String, String, bool, bool, Option<String>)> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(theirs.len(), cases.len());
        for (case, (cache, token_file, offline, may_send, token)) in cases.iter().zip(theirs) {
            let ours = of(case);
            assert_eq!(ours.cache, Path::new(&cache), "{case:?}");
            assert_eq!(ours.offline.is_some(), offline, "{case:?}");
            assert_eq!(ours.token_file, may_send.then(|| PathBuf::from(token_file)), "{case:?}");
            assert_eq!(ours.token, token.filter(|_| may_send), "{case:?}");
        }
    }

    #[test]
    fn a_token_is_read_from_its_file_without_the_end_of_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, " hf_a\r\n").unwrap();
        let named = [("HF_TOKEN_PATH", path.to_str().unwrap())];
        assert_eq!(of(&named).token().as_deref(), Some("hf_a"));
        assert_eq!(of(&[named[0], ("HF_TOKEN", "hf_b")]).token().as_deref(), Some("hf_b"));
        assert_eq!(of(&[named[0], ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).token(), None);
        // If the named file is missing, the default one is not read instead.
        std::fs::write(folder.path().join("none"), "").unwrap();
        let home = ("HF_HOME", folder.path().to_str().unwrap());
        assert_eq!(of(&[home]).token().as_deref(), Some("hf_a"));
        assert_eq!(of(&[home, ("HF_TOKEN_PATH", "/nowhere/token")]).token(), None);
    }
}
