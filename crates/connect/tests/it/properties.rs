//! Random files: whatever is in them, every other key and value stays, and removing restores them.

use drawbridge_connect::{Change, ConnectError, HOSTS, find};
use jsonc_parser::ParseOptions;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z \"'#:{}\\[\\]\\\\é/,\\-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[a-z #:.\"]{1,6}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// A settings file: some keys, and perhaps some servers.
fn settings(section: &'static str) -> impl Strategy<Value = Value> {
    let keys = btree_map("[a-z]{1,8}( [#:a-z]{1,3})?", value(), 0..5);
    let servers = proptest::option::of(btree_map("[a-z]{1,6}", btree_map("[a-z]{1,6}", value(), 0..4), 0..4));
    (keys, servers).prop_map(move |(keys, servers)| {
        let mut all: Map<String, Value> = keys.into_iter().collect();
        if let Some(servers) = servers {
            let servers =
                servers.into_iter().map(|(name, fields)| (name, fields.into_iter().collect::<Value>()));
            all.insert(section.to_owned(), servers.collect());
        }
        Value::Object(all)
    })
}

/// JSON in one of several styles, with a comment or a blank line after the lines that `comments` picks.
fn styled(value: &Value, compact: bool, indent: &str, comments: &[u8]) -> String {
    if compact {
        return value.to_string();
    }
    let pretty = serde_json::to_string_pretty(value).unwrap();
    let mut text = String::new();
    for (index, line) in pretty.lines().enumerate() {
        let content = line.trim_start_matches(' ');
        text += &indent.repeat((line.len() - content.len()) / 2);
        text += content;
        text += match comments.get(index % comments.len().max(1)) {
            Some(0) => " // a \"comment\", {\n",
            Some(1) => "\n// on its own\n",
            Some(2) => " /* in, a */\n\n",
            _ => "\n",
        };
    }
    text
}

fn meaning(host: &Host, text: &str) -> Value {
    use drawbridge_connect::Format;
    match host.format {
        Format::Toml => toml_edit::de::from_str(text).unwrap(),
        Format::Yaml => serde_saphyr::from_str(text).unwrap(),
        _ => jsonc_parser::parse_to_ast(text, &Default::default(), &ParseOptions::default())
            .unwrap()
            .value
            .map_or(Value::Null, Value::from),
    }
}

/// The meaning without our entry, and without a map of servers that has nothing in it.
fn without_ours(host: &Host, mut value: Value) -> Value {
    if let Some(servers) = value.get_mut(host.section).and_then(Value::as_object_mut) {
        servers.remove("drawbridge");
        if servers.is_empty() {
            value.as_object_mut().unwrap().remove(host.section);
        }
    }
    value
}

fn check(host: &'static Host, text: &str) {
    let machine = Machine::with(host, text);
    let before = without_ours(host, meaning(host, text));
    let after = machine.connect(host).after.unwrap();
    assert_eq!(without_ours(host, meaning(host, &after)), before, "{after}");
    assert_eq!(machine.plan(host).unwrap().change, Change::AlreadyConnected, "{after}");
    let backup = fs::read(machine.backup(host)).unwrap();

    machine.remove(host);
    assert_eq!(machine.read(host).as_deref(), Some(text));

    machine.write(host, &after);
    _ = fs::remove_file(machine.backup(host));
    machine.remove(host);
    let edited = machine.read(host).map_or_else(|| Value::Object(Map::new()), |text| meaning(host, &text));
    assert_eq!(without_ours(host, edited), before);
    assert_eq!(backup, text.as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn json_keeps_everything(value in settings("mcpServers"), compact: bool, windows: bool) {
        let text = styled(&value, compact, "  ", &[]);
        check(find("claude-code").unwrap(), &if windows { text.replace('\n', "\r\n") } else { text });
    }

    #[test]
    fn json_with_comments_keeps_everything(
        value in settings("context_servers"),
        indent in prop_oneof![Just("\t"), Just("    "), Just("")],
        comments in vec(0u8..6, 1..9),
    ) {
        check(find("zed").unwrap(), &styled(&value, false, indent, &comments));
    }

    #[test]
    fn toml_keeps_everything(value in settings("mcp_servers")) {
        let text = toml_edit::ser::to_string_pretty(&value).unwrap();
        check(find("codex").unwrap(), &text);
    }

    #[test]
    fn yaml_keeps_everything_or_is_refused(value in settings("extensions")) {
        let host = find("goose").unwrap();
        let text = serde_saphyr::to_string(&value).unwrap();
        match Machine::with(host, &text).plan(host) {
            Err(ConnectError::ByHand { .. }) => {}
            _ => check(host, &text),
        }
    }

    #[test]
    fn no_text_makes_it_panic_or_lose_a_byte(
        text in "([{}\\[\\],:\"'#/*\\n\\r\\t =.|&!\\-]|mcpServers|servers|extensions|mcp_servers|drawbridge|a|1){0,40}",
    ) {
        for host in HOSTS {
            let machine = Machine::with(host, &text);
            match machine.plan(host) {
                Ok(plan) if plan.change == Change::Connect => {
                    machine.connect(host);
                    machine.remove(host);
                    prop_assert_eq!(machine.read(host), Some(text.clone()));
                }
                Ok(plan) => _ = plan.apply().unwrap(),
                Err(_) => prop_assert_eq!(machine.read(host), Some(text.clone())),
            }
        }
    }
}
