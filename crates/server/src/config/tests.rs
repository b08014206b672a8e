//! How the layers of the configuration go together, and what is refused.

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn flags(values: &[(&'static str, &str)]) -> Flags {
    let values = values.iter().map(|(key, value)| (*key, OsString::from(value))).collect();
    Flags { config: None, values }
}

#[test]
fn without_anything_said_the_defaults_hold() {
    let config = Config::from_layers(&flags(&[("data", "/nowhere")]), []).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.key_file, Path::new("/nowhere/keys/master.key"));
    assert_eq!(config.objects, Path::new("/nowhere/objects"));
    assert!(config.database.url.is_none() && config.admin.is_none());
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = "listen = \"127.0.0.1:1\"\nobjects = \"/file\"\nkey_file = \"/file\"\n";
    std::fs::write(folder.path().join(FILE_NAME), file).unwrap();
    let variables = environment(&[
        ("LEDGERDESK_DATA", folder.path().to_str().unwrap()),
        ("LEDGERDESK_LISTEN", "127.0.0.1:2"),
        ("LEDGERDESK_OBJECTS", "/environment"),
    ]);
    let config = Config::from_layers(&flags(&[("listen", "127.0.0.1:3")]), variables).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.objects, Path::new("/environment"));
    assert_eq!(config.key_file, Path::new("/file"));
}

#[test]
fn all_problems_are_told_together_and_none_quotes_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.toml");
    std::fs::write(&path, "colour = \"red\"\n[admin]\npassword = \"hunter2\"\n").unwrap();
    let flags = Flags { config: Some(path), ..flags(&[("listen", "nowhere")]) };
    let variables =
        environment(&[("DATABASE_URL", "mysql://root:hunter2@x"), ("LEDGERDESK_LISTN", "1")]);
    let error = Config::from_layers(&flags, variables).unwrap_err().to_string();
    for part in ["colour", "nowhere", "admin.email", "database.url", "LEDGERDESK_LISTN"] {
        assert!(error.contains(part), "{part} is missing in {error}");
    }
    assert!(!error.contains("hunter2"));
}

#[test]
fn a_file_that_is_no_toml_is_refused_without_quoting_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.toml");
    std::fs::write(&path, "listen = \"127.0.0.1:1\"\npassword = hunter2\n").unwrap();
    let flags = Flags { config: Some(path), values: Vec::new() };
    let error = Config::from_layers(&flags, []).unwrap_err().to_string();
    assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
}

#[test]
fn secrets_are_not_printed() {
    let variables = environment(&[
        ("LEDGERDESK_ADMIN_EMAIL", "anna@example.org"),
        ("LEDGERDESK_ADMIN_PASSWORD", "hunter2"),
        ("DATABASE_URL", "postgres://u:hunter2@h/d"),
    ]);
    let config = Config::from_layers(&flags(&[("data", "/nowhere")]), variables).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}
