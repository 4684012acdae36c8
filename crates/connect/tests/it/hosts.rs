//! Each host with each kind of file: none, empty, full, foreign line ends, ours in it, and broken.

use drawbridge_connect::{
    Change, ConnectError, Connection, Entry, Format, HOME_VARIABLE, HOSTS, Host, detect, plan, plan_removal,
};
use expect_test::expect;

use super::*;

/// A file as its owner may have left it: other settings, other servers, comments where the format has them.
fn others(host: &Host) -> String {
    let section = host.section;
    match host.format {
        Format::Json => format!(
            "{{\n  \"theme\": \"dark\",\n  \"{section}\": {{\n    \"other\": {{ \"command\": \"x\", \"args\": [] }}\n  }},\n  \"n\": 1.50\n}}\n"
        ),
        Format::JsonWithComments => format!(
            "// mine\n{{\n\t\"theme\": \"dark\", // really\n\t\"{section}\": {{\n\t\t\"other\": {{ \"command\": \"x\" }}, /* why */\n\t\t// the end\n\t}},\n}}\n"
        ),
        Format::Toml => format!(
            "# mine\nmodel = 'best'   # really\n\n[{section}.other]\ncommand = \"x\"\n\n# about z\n[z]\nn = 1_000\n# the end\n"
        ),
        Format::Yaml => format!(
            "# mine\nMODEL: 'best'   # really\n{section}:\n    other:\n        cmd: x   # why\n        args: []\n\n# about Z\nZ: |\n  text: text\n"
        ),
    }
}

/// A file with an entry of our name that starts something else.
fn different(host: &Host) -> String {
    let section = host.section;
    match host.format {
        Format::Json | Format::JsonWithComments => format!(
            "{{\n  \"{section}\": {{\n    \"drawbridge\": {{\n      \"command\": \"/old\",\n      \"timeout\": 9\n    }},\n    \"other\": {{}}\n  }}\n}}\n"
        ),
        Format::Toml => format!(
            "[{section}.drawbridge]\ncommand = \"/old\" # mine\ntimeout = 9\n\n[{section}.other]\ncommand = \"x\"\n"
        ),
        Format::Yaml => {
            format!("{section}:\n  drawbridge:\n    cmd: /old\n    extra: 9\n  other:\n    cmd: x\n")
        }
    }
}

/// A file that does not parse, and the line where it breaks.
fn broken(host: &Host) -> (&'static str, usize) {
    match host.format {
        Format::Json | Format::JsonWithComments => ("{\n  \"a\": 1,\n  \"b\" 2\n}\n", 3),
        Format::Toml => ("a = 1\nb 2\n", 2),
        Format::Yaml => ("a: 1\nb: c: d\n", 2),
    }
}

#[test]
fn a_host_without_a_file_gets_one() {
    let mut all = String::new();
    for host in HOSTS {
        let machine = Machine::new();
        let plan = machine.connect(host);
        assert_eq!((plan.change, plan.before), (Change::Connect, None));
        assert!(!machine.backup(host).exists(), "{}: there was nothing to keep", host.id);
        all += &format!("== {}\n{}", host.id, plan.after.unwrap());
    }
    expect![[r#"
        == claude-desktop
        {
          "mcpServers": {
            "drawbridge": {
              "command": "/opt/drawbridge",
              "args": ["stdio"]
            }
          }
        }
        == claude-code
        {
          "mcpServers": {
            "drawbridge": {
              "type": "stdio",
              "command": "/opt/drawbridge",
              "args": ["stdio"]
            }
          }
        }
        == vscode
        {
          "servers": {
            "drawbridge": {
              "type": "stdio",
              "command": "/opt/drawbridge",
              "args": ["stdio"]
            }
          }
        }
        == cursor
        {
          "mcpServers": {
            "drawbridge": {
              "type": "stdio",
              "command": "/opt/drawbridge",
              "args": ["stdio"]
            }
          }
        }
        == zed
        {
          "context_servers": {
            "drawbridge": {
              "command": "/opt/drawbridge",
              "args": ["stdio"]
            }
          }
        }
        == lm-studio
        {
          "mcpServers": {
            "drawbridge": {
              "command": "/opt/drawbridge",
              "args": ["stdio"]
            }
          }
        }
        == codex
        [mcp_servers.drawbridge]
        command = "/opt/drawbridge"
        args = ["stdio"]
        == gemini
        {
          "mcpServers": {
            "drawbridge": {
              "command": "/opt/drawbridge",
              "args": ["stdio"]
            }
          }
        }
        == goose
        extensions:
          drawbridge:
            enabled: true
            type: "stdio"
            name: "drawbridge"
            cmd: "/opt/drawbridge"
            args: ["stdio"]
            description: "This machine, through Drawbridge"
            timeout: 300
    "#]]
    .assert_eq(&all);
}

#[test]
fn a_file_that_we_made_goes_away_again() {
    for host in HOSTS {
        let machine = Machine::new();
        machine.connect(host);
        assert_eq!(machine.remove(host).change, Change::Disconnect);
        assert_eq!(machine.read(host), None, "{}", host.id);
    }
}

#[test]
fn what_was_there_comes_back_to_the_byte() {
    for host in HOSTS {
        let full = others(host);
        let windows = full.replace('\n', "\r\n");
        let (marked, unended) = (format!("\u{feff}{windows}"), full.trim_end().to_owned());
        let mixed = full.replacen('\n', "\r\n", 2);
        for text in ["", "\n\n", &full, &windows, &marked, &unended, &mixed] {
            let machine = Machine::with(host, text);
            assert_eq!(machine.connect(host).change, Change::Connect);
            assert_eq!(fs::read_to_string(machine.backup(host)).unwrap(), text);
            machine.remove(host);
            assert_eq!(machine.read(host).as_deref(), Some(text), "{}", host.id);
            assert!(!machine.backup(host).exists(), "{}: its text is back in the file", host.id);
        }
    }
}

#[test]
fn every_other_line_stays() {
    for host in HOSTS {
        let text = others(host);
        let machine = Machine::with(host, &text);
        let diff = machine.connect(host).diff();
        let removed: Vec<&str> =
            diff.lines().filter(|line| line.starts_with('-') && !line.starts_with("---")).collect();
        // In plain JSON the member before ours needs a comma, and nothing else may change.
        let comma = ["-    \"other\": { \"command\": \"x\", \"args\": [] }"];
        let expected: &[&str] = if host.format == Format::Json { &comma } else { &[] };
        assert_eq!(removed, expected, "{}: {diff}", host.id);
    }
}

#[test]
fn the_diffs_of_each_format() {
    let mut all = String::new();
    for id in ["claude-desktop", "zed", "codex", "goose"] {
        let host = drawbridge_connect::find(id).unwrap();
        let diff = Machine::with(host, &others(host)).plan(host).unwrap().diff();
        let body: String = diff.lines().skip(2).map(|line| format!("{}\n", line.trim_end())).collect();
        all += &format!("== {id}\n{body}");
    }
    expect![[r#"
        == claude-desktop
        @@ -1,7 +1,11 @@
         {
           "theme": "dark",
           "mcpServers": {
        -    "other": { "command": "x", "args": [] }
        +    "other": { "command": "x", "args": [] },
        +    "drawbridge": {
        +      "command": "/opt/drawbridge",
        +      "args": ["stdio"]
        +    }
           },
           "n": 1.50
         }
        == zed
        @@ -4,5 +4,9 @@
         	"context_servers": {
         		"other": { "command": "x" }, /* why */
         		// the end
        +		"drawbridge": {
        +			"command": "/opt/drawbridge",
        +			"args": ["stdio"]
        +		},
         	},
         }
        == codex
        @@ -8,3 +8,7 @@
         [z]
         n = 1_000
         # the end
        +
        +[mcp_servers.drawbridge]
        +command = "/opt/drawbridge"
        +args = ["stdio"]
        == goose
        @@ -4,6 +4,14 @@
             other:
                 cmd: x   # why
                 args: []
        +    drawbridge:
        +        enabled: true
        +        type: "stdio"
        +        name: "drawbridge"
        +        cmd: "/opt/drawbridge"
        +        args: ["stdio"]
        +        description: "This machine, through Drawbridge"
        +        timeout: 300
 
         # about Z
         Z: |
    "#]]
    .assert_eq(&all);
}

#[test]
fn the_handbook_shows_what_is_written() {
    let handbook = include_str!("../../../../docs/connect.md");
    let program = if cfg!(windows) { return } else { "/usr/local/bin/drawbridge" };
    let entry = Entry::stdio(program).unwrap();
    for host in HOSTS {
        let written = plan(host, &Machine::new().places, &entry).unwrap().after.unwrap();
        assert!(handbook.contains(&written), "{}: docs/connect.md lacks\n{written}", host.id);
        assert!(handbook.contains(host.title) && handbook.contains(&format!("`{}`", host.id)), "{}", host.id);
        let file = host.file(&Places::new(Platform::Linux, "/~")).display().to_string();
        assert!(handbook.contains(&format!("`{}`", &file[1..])), "{}: {file}", host.id);
    }
}

#[test]
fn line_ends_are_kept() {
    for host in HOSTS {
        let machine = Machine::with(host, &others(host).replace('\n', "\r\n"));
        let after = machine.connect(host).after.unwrap();
        assert!(after.contains("drawbridge"));
        assert_eq!(after.matches('\n').count(), after.matches("\r\n").count(), "{}", host.id);
    }
}

#[test]
fn connecting_twice_writes_nothing() {
    for host in HOSTS {
        let machine = Machine::with(host, &others(host));
        let first = machine.connect(host).after;
        let backup = fs::read(machine.backup(host)).unwrap();
        let again = machine.connect(host);
        assert_eq!(again.change, Change::AlreadyConnected);
        assert_eq!(again.diff(), "");
        assert_eq!(again.after, first);
        assert_eq!(fs::read(machine.backup(host)).unwrap(), backup);
    }
}

#[test]
fn another_entry_of_our_name_is_changed_and_keeps_what_its_owner_added() {
    for host in HOSTS {
        let machine = Machine::with(host, &different(host));
        let plan = machine.connect(host);
        assert_eq!(plan.change, Change::Update, "{}", host.id);
        let (diff, after) = (plan.diff(), plan.after.unwrap());
        assert!(diff.contains("/old") && diff.contains(PROGRAM), "{}: {diff}", host.id);
        assert!(!after.contains("/old") && after.contains("other"), "{after}");
        assert!(after.contains('9'), "{}: the owner's own setting is gone: {after}", host.id);
    }
}

#[test]
fn a_broken_file_is_named_by_line_and_left_alone() {
    for host in HOSTS {
        let (text, expected) = broken(host);
        let machine = Machine::with(host, text);
        let Err(ConnectError::Malformed { line, column, .. }) = machine.plan(host) else {
            panic!("{}: a broken file was accepted", host.id)
        };
        assert!(line == expected && column >= 1, "{}: line {line}, column {column}", host.id);
        assert!(plan_removal(host, &machine.places, &entry()).is_err());
        assert_eq!(machine.read(host).as_deref(), Some(text));
        assert!(!machine.backup(host).exists());
    }
}

#[test]
fn errors_do_not_quote_the_file() {
    let secret = "sk-verysecret";
    for host in HOSTS {
        let text = match host.format {
            Format::Json | Format::JsonWithComments => format!("{{ \"key\": \"{secret}\" \"{secret}\" }}"),
            Format::Toml => format!("key = \"{secret}\" \"{secret}\"\n"),
            Format::Yaml => format!("key: \"{secret}\" \"{secret}\"\n"),
        };
        let error = Machine::with(host, &text).plan(host).unwrap_err().to_string();
        assert!(!error.contains(secret), "{}: {error}", host.id);
    }
}

#[test]
fn servers_that_are_no_map_are_refused() {
    for host in HOSTS {
        let text = match host.format {
            Format::Json | Format::JsonWithComments => format!("{{\"{}\": [1]}}", host.section),
            Format::Toml => format!("{} = [1]\n", host.section),
            Format::Yaml => format!("{}:\n  - 1\n", host.section),
        };
        let error = Machine::with(host, &text).plan(host).unwrap_err();
        assert!(matches!(error, ConnectError::NotAMap { .. }), "{}: {error}", host.id);
    }
}

#[test]
fn a_removal_keeps_what_the_owner_changed_meanwhile() {
    for host in HOSTS {
        let machine = Machine::with(host, &others(host));
        let connected = machine.connect(host).after.unwrap();
        machine.write(host, &connected.replace("dark", "light").replace("best", "better"));
        machine.remove(host);
        let expected = others(host).replace("dark", "light").replace("best", "better");
        assert_eq!(machine.read(host).unwrap(), expected, "{}", host.id);
    }
}

#[test]
fn a_removal_without_a_backup_takes_only_our_entry() {
    for host in HOSTS {
        let machine = Machine::with(host, &others(host));
        machine.connect(host);
        fs::remove_file(machine.backup(host)).unwrap();
        machine.remove(host);
        assert_eq!(machine.read(host).unwrap(), others(host), "{}", host.id);
    }
}

#[test]
fn a_removal_takes_an_entry_that_starts_another_program() {
    for host in HOSTS {
        let machine = Machine::with(host, &others(host));
        plan(host, &machine.places, &Entry::stdio(format!("{PROGRAM}-old")).unwrap())
            .unwrap()
            .apply()
            .unwrap();
        assert_eq!(machine.remove(host).change, Change::Disconnect);
        assert_eq!(machine.read(host).unwrap(), others(host), "{}", host.id);
    }
}

#[test]
fn a_removal_does_not_bring_back_an_older_entry() {
    for host in HOSTS {
        let machine = Machine::with(host, &different(host));
        machine.connect(host);
        machine.remove(host);
        let left = machine.read(host).unwrap();
        assert!(!left.contains("drawbridge") && left.contains("other"), "{}: {left}", host.id);
    }
}

#[test]
fn removing_what_is_not_there_writes_nothing() {
    for host in HOSTS {
        let machine = Machine::new();
        assert_eq!(machine.remove(host).change, Change::NotConnected);
        assert_eq!(machine.read(host), None);
        machine.write(host, &others(host));
        assert_eq!(machine.remove(host).change, Change::NotConnected);
    }
}

#[test]
fn a_home_of_its_own_is_passed_on() {
    let mut all = String::new();
    for host in HOSTS {
        let machine = Machine::new();
        let entry = entry().with_variable(HOME_VARIABLE, "/data/bridge");
        let moved = plan(host, &machine.places, &entry).unwrap();
        moved.apply().unwrap();
        let after = moved.after.unwrap();
        all += &after
            .lines()
            .filter(|line| line.contains("/data"))
            .map(|line| format!("{}: {line}\n", host.id))
            .collect::<String>();
        assert_eq!(
            machine.connect(host).change,
            Change::Update,
            "{}: the default home counts again",
            host.id
        );
        assert!(!machine.read(host).unwrap().contains("/data"), "{}", host.id);
    }
    expect![[r#"
        claude-desktop:         "DRAWBRIDGE_HOME": "/data/bridge"
        claude-code:         "DRAWBRIDGE_HOME": "/data/bridge"
        vscode:         "DRAWBRIDGE_HOME": "/data/bridge"
        cursor:         "DRAWBRIDGE_HOME": "/data/bridge"
        zed:         "DRAWBRIDGE_HOME": "/data/bridge"
        lm-studio:         "DRAWBRIDGE_HOME": "/data/bridge"
        codex: env = { DRAWBRIDGE_HOME = "/data/bridge" }
        gemini:         "DRAWBRIDGE_HOME": "/data/bridge"
        goose:     envs: {"DRAWBRIDGE_HOME":"/data/bridge"}
    "#]]
    .assert_eq(&all);
}

#[test]
fn a_path_with_quotes_and_spaces_survives() {
    let program = if cfg!(windows) { "C:/a b/it's.exe" } else { "/a b/it's \"here\"\\é\u{7}/draw$bridge" };
    for host in HOSTS {
        let machine = Machine::with(host, &others(host));
        let entry = Entry::stdio(program).unwrap();
        plan(host, &machine.places, &entry).unwrap().apply().unwrap();
        let again = plan(host, &machine.places, &entry).unwrap();
        assert_eq!(again.change, Change::AlreadyConnected, "{}", host.id);
    }
}

#[test]
fn flow_style_in_goose_is_left_to_its_owner() {
    let host = drawbridge_connect::find("goose").unwrap();
    for text in ["extensions: {other: {cmd: x}}\n", "{extensions: {}}\n", "extensions: *all\n", "A: 1\n...\n"]
    {
        let machine = Machine::with(host, text);
        let error = machine.plan(host).unwrap_err();
        assert!(
            matches!(error, ConnectError::ByHand { .. } | ConnectError::Malformed { .. }),
            "{text}: {error}"
        );
        assert_eq!(machine.read(host).as_deref(), Some(text));
    }
    let error = Machine::with(host, "extensions: {other: {cmd: x}}\n").plan(host).unwrap_err().to_string();
    assert!(error.contains("extensions:\n  drawbridge:\n    enabled: true\n"), "{error}");
}

#[test]
fn what_is_here_is_detected() {
    let machine = Machine::new();
    assert!(
        detect(&machine.places).iter().all(|found| !found.installed && found.connection == Connection::No)
    );
    for host in HOSTS {
        machine.connect(host);
    }
    assert!(
        detect(&machine.places).iter().all(|found| found.installed && found.connection == Connection::Yes)
    );
    machine.write(&HOSTS[0], "{");
    let found = detect(&machine.places);
    assert!(matches!(&found[0].connection, Connection::Unclear(why) if why.contains("line 1")), "{found:?}");
    assert_eq!(found.len(), HOSTS.len());
}
