//! Hosts that look for their files in more than one place, and leave signs on the disk of which one counts.

use drawbridge_connect::{Platform, find};

use super::*;

fn file(id: &str, places: &Places) -> PathBuf {
    find(id).unwrap().file(places)
}

fn home() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().to_path_buf();
    (home, path)
}

#[test]
fn the_packaged_claude_desktop_has_its_own_folder_on_windows() {
    let (_guard, home) = home();
    let places = Places::new(Platform::Windows, &home);
    assert_eq!(
        file("claude-desktop", &places),
        home.join("AppData/Roaming/Claude/claude_desktop_config.json")
    );
    let package = home.join("AppData/Local/Packages/Claude_abc123");
    fs::create_dir_all(&package).unwrap();
    fs::create_dir_all(home.join("AppData/Local/Packages/Other_abc123")).unwrap();
    assert_eq!(
        file("claude-desktop", &places),
        package.join("LocalCache/Roaming/Claude/claude_desktop_config.json")
    );
    let elsewhere = Places::new(Platform::Linux, &home);
    assert_eq!(file("claude-desktop", &elsewhere), home.join(".config/Claude/claude_desktop_config.json"));
}

#[test]
fn lm_studio_is_where_its_pointer_says() {
    let (_guard, home) = home();
    let places = Places::new(Platform::Linux, &home);
    assert_eq!(file("lm-studio", &places), home.join(".lmstudio/mcp.json"));
    fs::create_dir_all(home.join(".cache/lm-studio")).unwrap();
    assert_eq!(file("lm-studio", &places), home.join(".cache/lm-studio/mcp.json"));
    let studio = home.join("studio");
    fs::write(home.join(".lmstudio-home-pointer"), format!("{}\n", studio.display())).unwrap();
    assert_eq!(file("lm-studio", &places), studio.join("mcp.json"));
    fs::write(home.join(".lmstudio-home-pointer"), "not/absolute").unwrap();
    assert_eq!(file("lm-studio", &places), home.join(".cache/lm-studio/mcp.json"));
}

#[test]
fn claude_code_prefers_its_old_file_when_it_is_there() {
    let (_guard, home) = home();
    let moved = home.join("moved");
    let places = Places::new(Platform::Linux, &home).with_variable("CLAUDE_CONFIG_DIR", &moved);
    assert_eq!(file("claude-code", &places), moved.join(".claude.json"));
    fs::create_dir_all(&moved).unwrap();
    fs::write(moved.join(".config.json"), "{}").unwrap();
    assert_eq!(file("claude-code", &places), moved.join(".config.json"));
}

#[test]
fn zed_and_vs_code_follow_their_own_variables() {
    let places = Places::new(Platform::Linux, "/h")
        .with_variable("FLATPAK_XDG_CONFIG_HOME", "/flat")
        .with_variable("XDG_CONFIG_HOME", "/xdg")
        .with_variable("VSCODE_APPDATA", "/data");
    assert_eq!(file("zed", &places), PathBuf::from("/flat/zed/settings.json"));
    assert_eq!(file("vscode", &places), PathBuf::from("/data/Code/User/mcp.json"));
    assert_eq!(file("goose", &places), PathBuf::from("/xdg/goose/config.yaml"));
}

#[test]
fn a_host_is_installed_when_it_left_its_folder() {
    let (_guard, home) = home();
    let places = Places::new(Platform::Linux, &home);
    let cursor = find("cursor").unwrap();
    assert!(!cursor.is_installed(&places));
    fs::create_dir_all(home.join(".cursor")).unwrap();
    assert!(cursor.is_installed(&places));
}
