//! The hosts, one after the other: where each keeps its servers, and in which words.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::document::Layout;
use crate::entry::{ENTRY_NAME, Fields};
use crate::{ConnectError, Entry, Places, Platform};

/// How long goose waits for one call, in seconds; its own default for a server it adds.
const GOOSE_TIMEOUT_SECONDS: u64 = 300;

/// How a host writes its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON, strictly.
    Json,
    /// JSON with comments and trailing commas.
    JsonWithComments,
    /// TOML.
    Toml,
    /// YAML.
    Yaml,
}

/// An application that can use Drawbridge.
#[derive(Debug)]
pub struct Host {
    /// The name on the command line.
    pub id: &'static str,
    /// The name its maker gives it.
    pub title: &'static str,
    /// How its configuration is written.
    pub format: Format,
    /// The key of the map that holds its servers.
    pub section: &'static str,
    /// What the person does after connecting, in one sentence.
    pub next_step: &'static str,
    /// What the person does after removing the entry, in one sentence.
    pub after_removal: &'static str,
    /// The configuration file.
    file: fn(&Places) -> PathBuf,
    /// The folder that is there when the host is installed.
    folder: fn(&Places) -> PathBuf,
    fields: fn(&Entry) -> Fields,
}

/// Every host, in the order they are listed to people.
pub static HOSTS: &[Host] = &[
    Host {
        id: "claude-desktop",
        title: "Claude Desktop",
        format: Format::Json,
        section: "mcpServers",
        next_step: "Quit Claude Desktop completely and open it again; Settings > Developer lists drawbridge.",
        after_removal: "Quit Claude Desktop completely and open it again.",
        file: |places| claude_desktop(places).join("claude_desktop_config.json"),
        folder: claude_desktop,
        fields: plain,
    },
    Host {
        id: "claude-code",
        title: "Claude Code",
        format: Format::Json,
        section: "mcpServers",
        next_step: "Start a new session of Claude Code and type /mcp to see drawbridge.",
        after_removal: "Running sessions of Claude Code keep it until they end.",
        file: claude_code_file,
        folder: claude_code,
        fields: typed,
    },
    Host {
        id: "vscode",
        title: "VS Code",
        format: Format::JsonWithComments,
        section: "servers",
        next_step: "Run `MCP: List Servers` in VS Code and start drawbridge; it asks once whether you trust it.",
        after_removal: "VS Code notices by itself.",
        file: |places| vscode(places).join("mcp.json"),
        folder: vscode,
        fields: typed,
    },
    Host {
        id: "cursor",
        title: "Cursor",
        format: Format::JsonWithComments,
        section: "mcpServers",
        next_step: "Restart Cursor and check that drawbridge is switched on among its MCP servers.",
        after_removal: "Restart Cursor.",
        file: |places| places.home(".cursor/mcp.json"),
        folder: |places| places.home(".cursor"),
        fields: typed,
    },
    Host {
        id: "zed",
        title: "Zed",
        format: Format::JsonWithComments,
        section: "context_servers",
        next_step: "Open the settings of Zed's Agent Panel; a green dot beside drawbridge means it runs.",
        after_removal: "Zed notices by itself.",
        file: |places| zed(places).join("settings.json"),
        folder: zed,
        fields: plain,
    },
    Host {
        id: "lm-studio",
        title: "LM Studio",
        format: Format::JsonWithComments,
        section: "mcpServers",
        next_step: "Switch on mcp/drawbridge among the integrations of a chat in LM Studio.",
        after_removal: "LM Studio notices by itself.",
        file: |places| lm_studio(places).join("mcp.json"),
        folder: lm_studio,
        fields: plain,
    },
    Host {
        id: "codex",
        title: "Codex",
        format: Format::Toml,
        section: "mcp_servers",
        next_step: "Start a new session of Codex and type /mcp to see drawbridge.",
        after_removal: "Running sessions of Codex keep it until they end.",
        file: |places| codex(places).join("config.toml"),
        folder: codex,
        fields: plain,
    },
    Host {
        id: "gemini",
        title: "Gemini CLI",
        format: Format::JsonWithComments,
        section: "mcpServers",
        next_step: "Start Gemini CLI in a folder that it trusts and type /mcp to see drawbridge.",
        after_removal: "Running sessions of Gemini CLI keep it until they end.",
        file: |places| gemini(places).join("settings.json"),
        folder: gemini,
        fields: plain,
    },
    Host {
        id: "goose",
        title: "goose",
        format: Format::Yaml,
        section: "extensions",
        next_step: "Start a new session of goose; `goose info -v` lists drawbridge.",
        after_removal: "Running sessions of goose keep it until they end.",
        file: |places| goose(places).join("config.yaml"),
        folder: goose,
        fields: goose_extension,
    },
];

/// The host with this name: its `id`, or its title in any case.
///
/// # Errors
/// [`ConnectError::UnknownHost`], which lists the names there are.
pub fn find(name: &str) -> Result<&'static Host, ConnectError> {
    let wanted = name.trim().to_lowercase().replace([' ', '_'], "-");
    let matches = |host: &&Host| host.id == wanted || host.title.to_lowercase().replace(' ', "-") == wanted;
    HOSTS.iter().find(matches).ok_or_else(|| ConnectError::UnknownHost {
        name: name.to_owned(),
        known: HOSTS.iter().map(|host| host.id).collect::<Vec<_>>().join(", "),
    })
}

impl Host {
    /// The configuration file on this machine; it need not exist.
    pub fn file(&self, places: &Places) -> PathBuf {
        (self.file)(places)
    }

    /// Whether the host seems to be installed: it left its file or its folder here.
    pub fn is_installed(&self, places: &Places) -> bool {
        (self.file)(places).exists() || (self.folder)(places).is_dir()
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout { format: self.format, section: self.section }
    }

    pub(crate) fn fields(&self, entry: &Entry) -> Fields {
        (self.fields)(entry)
    }
}

/// `%APPDATA%\Claude`, or the private copy of it that the packaged application (MSIX) sees on Windows.
fn claude_desktop(places: &Places) -> PathBuf {
    let packaged = (places.platform == Platform::Windows).then(|| packaged_claude(places)).flatten();
    packaged.unwrap_or_else(|| places.config().join("Claude"))
}

fn packaged_claude(places: &Places) -> Option<PathBuf> {
    let packages = fs::read_dir(places.local_app_data().join("Packages")).ok()?;
    let ours = |name: &OsStr| name.to_string_lossy().starts_with("Claude_");
    let mut found: Vec<PathBuf> =
        packages.flatten().filter(|entry| ours(&entry.file_name())).map(|e| e.path()).collect();
    found.sort();
    found.into_iter().next().map(|package| package.join("LocalCache").join("Roaming").join("Claude"))
}

fn claude_code(places: &Places) -> PathBuf {
    places.variable("CLAUDE_CONFIG_DIR").map_or_else(|| places.home(".claude"), Path::to_path_buf)
}

/// `~/.claude.json`, which moves into the folder that `CLAUDE_CONFIG_DIR` names; an old installation may still use
/// `.config.json` in that folder, and reads that alone when it is there.
fn claude_code_file(places: &Places) -> PathBuf {
    let old = claude_code(places).join(".config.json");
    let folder = places.variable("CLAUDE_CONFIG_DIR");
    let new = folder.map_or_else(|| places.home(".claude.json"), |folder| folder.join(".claude.json"));
    if old.is_file() { old } else { new }
}

fn vscode(places: &Places) -> PathBuf {
    if let Some(portable) = places.variable("VSCODE_PORTABLE") {
        return portable.join("user-data").join("User");
    }
    let config = places.variable("VSCODE_APPDATA").map_or_else(|| places.config(), Path::to_path_buf);
    config.join("Code").join("User")
}

fn zed(places: &Places) -> PathBuf {
    match places.platform {
        Platform::Windows => places.app_data().join("Zed"),
        Platform::MacOs => places.home(".config/zed"),
        Platform::Linux => {
            let flatpak = places.variable("FLATPAK_XDG_CONFIG_HOME").map(Path::to_path_buf);
            flatpak.unwrap_or_else(|| places.xdg_config()).join("zed")
        }
    }
}

/// LM Studio may live anywhere; it leaves a pointer in the home folder. Older installations use the cache folder.
fn lm_studio(places: &Places) -> PathBuf {
    let pointed = fs::read_to_string(places.home(".lmstudio-home-pointer")).ok();
    let pointed = pointed.map(|text| PathBuf::from(text.trim())).filter(|path| path.is_absolute());
    let older = Some(places.home(".cache/lm-studio")).filter(|path| path.is_dir());
    pointed.or(older).unwrap_or_else(|| places.home(".lmstudio"))
}

fn codex(places: &Places) -> PathBuf {
    places.variable("CODEX_HOME").map_or_else(|| places.home(".codex"), Path::to_path_buf)
}

/// `GEMINI_CLI_HOME` stands for the home folder, not for `.gemini` in it.
fn gemini(places: &Places) -> PathBuf {
    places.variable("GEMINI_CLI_HOME").map_or_else(|| places.home(".gemini"), |home| home.join(".gemini"))
}

fn goose(places: &Places) -> PathBuf {
    if let Some(root) = places.variable("GOOSE_PATH_ROOT") {
        return root.join("config");
    }
    match places.platform {
        Platform::Windows => places.app_data().join("Block").join("goose").join("config"),
        Platform::Linux | Platform::MacOs => places.xdg_config().join("goose"),
    }
}

fn plain(entry: &Entry) -> Fields {
    let fixed = vec![("command", entry.command()), ("args", entry.arguments())];
    Fields { fixed, suggested: Vec::new(), environment_key: "env", environment: entry.environment() }
}

fn typed(entry: &Entry) -> Fields {
    let mut fields = plain(entry);
    fields.fixed.insert(0, ("type", json!("stdio")));
    fields
}

fn goose_extension(entry: &Entry) -> Fields {
    let fixed = vec![
        ("enabled", Value::Bool(true)),
        ("type", json!("stdio")),
        ("name", json!(ENTRY_NAME)),
        ("cmd", entry.command()),
        ("args", entry.arguments()),
    ];
    let suggested = vec![
        ("description", json!("This machine, through Drawbridge")),
        ("timeout", json!(GOOSE_TIMEOUT_SECONDS)),
    ];
    Fields { fixed, suggested, environment_key: "envs", environment: entry.environment() }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(places: &Places, expected: Expect) {
        let line = |host: &Host| {
            format!("{}: {}\n", host.id, host.file(places).display().to_string().replace('\\', "/"))
        };
        expected.assert_eq(&HOSTS.iter().map(line).collect::<String>());
    }

    #[test]
    fn files_on_linux() {
        check(
            &Places::new(Platform::Linux, "/h"),
            expect![[r#"
            claude-desktop: /h/.config/Claude/claude_desktop_config.json
            claude-code: /h/.claude.json
            vscode: /h/.config/Code/User/mcp.json
            cursor: /h/.cursor/mcp.json
            zed: /h/.config/zed/settings.json
            lm-studio: /h/.lmstudio/mcp.json
            codex: /h/.codex/config.toml
            gemini: /h/.gemini/settings.json
            goose: /h/.config/goose/config.yaml
        "#]],
        );
    }

    #[test]
    fn files_on_macos() {
        check(
            &Places::new(Platform::MacOs, "/h"),
            expect![[r#"
            claude-desktop: /h/Library/Application Support/Claude/claude_desktop_config.json
            claude-code: /h/.claude.json
            vscode: /h/Library/Application Support/Code/User/mcp.json
            cursor: /h/.cursor/mcp.json
            zed: /h/.config/zed/settings.json
            lm-studio: /h/.lmstudio/mcp.json
            codex: /h/.codex/config.toml
            gemini: /h/.gemini/settings.json
            goose: /h/.config/goose/config.yaml
        "#]],
        );
    }

    #[test]
    fn files_on_windows() {
        check(
            &Places::new(Platform::Windows, "/h"),
            expect![[r#"
            claude-desktop: /h/AppData/Roaming/Claude/claude_desktop_config.json
            claude-code: /h/.claude.json
            vscode: /h/AppData/Roaming/Code/User/mcp.json
            cursor: /h/.cursor/mcp.json
            zed: /h/AppData/Roaming/Zed/settings.json
            lm-studio: /h/.lmstudio/mcp.json
            codex: /h/.codex/config.toml
            gemini: /h/.gemini/settings.json
            goose: /h/AppData/Roaming/Block/goose/config/config.yaml
        "#]],
        );
    }

    #[test]
    fn files_that_variables_move() {
        let moved = [
            ("CLAUDE_CONFIG_DIR", "/claude"),
            ("CODEX_HOME", "/codex"),
            ("GEMINI_CLI_HOME", "/gemini"),
            ("GOOSE_PATH_ROOT", "/goose"),
            ("VSCODE_PORTABLE", "/code"),
            ("XDG_CONFIG_HOME", "/xdg"),
        ];
        let places = Places::new(Platform::Linux, "/h");
        check(
            &moved.into_iter().fold(places, |places, (name, value)| places.with_variable(name, value)),
            expect![[r#"
                claude-desktop: /xdg/Claude/claude_desktop_config.json
                claude-code: /claude/.claude.json
                vscode: /code/user-data/User/mcp.json
                cursor: /h/.cursor/mcp.json
                zed: /xdg/zed/settings.json
                lm-studio: /h/.lmstudio/mcp.json
                codex: /codex/config.toml
                gemini: /gemini/.gemini/settings.json
                goose: /goose/config/config.yaml
            "#]],
        );
    }

    #[test]
    fn names_are_found_in_any_case() {
        for name in ["codex", "Codex", "claude-desktop", "Claude Desktop", "VS Code", " gemini "] {
            assert!(find(name).is_ok(), "{name}");
        }
        let refused = find("emacs").unwrap_err().to_string();
        assert!(refused.contains("claude-desktop, claude-code, vscode"), "{refused}");
    }
}
