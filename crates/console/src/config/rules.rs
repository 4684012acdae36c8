//! Rules in the text of a configuration: put there so that everything else, and what was written beside rules that stay,
//! is as it was.

use drawbridge_gateway::RuleSettings;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

/// The table of the configuration that holds the rules.
const RULES: &str = "rules";

/// A text that is not TOML, or has something else under this name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EditError {
    #[error("the configuration is not TOML: {0}")]
    Text(#[from] toml_edit::TomlError),
    #[error("the rules are not written as [[rules]] in the configuration: change them in its text")]
    Form,
    #[error("this rule cannot be written: {0}")]
    Rule(#[from] toml_edit::ser::Error),
}

/// `text` with these rules and no others.
pub(crate) fn with_rules(text: &str, rules: &[RuleSettings]) -> Result<String, EditError> {
    let mut document: DocumentMut = text.parse()?;
    let mut old = take_tables(&mut document)?;
    let mut tables = ArrayOfTables::new();
    for rule in rules {
        tables.push(kept_or_new(&mut old, rule)?);
    }
    put(&mut document, tables);
    Ok(document.to_string())
}

/// `text` with one more rule, before all others: the first that fits decides.
pub(crate) fn with_first(text: &str, rule: &RuleSettings) -> Result<String, EditError> {
    let mut document: DocumentMut = text.parse()?;
    let old = take_tables(&mut document)?;
    let mut tables = ArrayOfTables::new();
    tables.push(table_of(rule)?);
    old.into_iter().for_each(|table| tables.push(unplaced(table)));
    put(&mut document, tables);
    Ok(document.to_string())
}

fn take_tables(document: &mut DocumentMut) -> Result<Vec<Table>, EditError> {
    match document.remove(RULES) {
        None | Some(Item::None) => Ok(Vec::new()),
        Some(Item::ArrayOfTables(tables)) => Ok(tables.into_iter().collect()),
        Some(_) => Err(EditError::Form),
    }
}

fn put(document: &mut DocumentMut, tables: ArrayOfTables) {
    if !tables.is_empty() {
        document.insert(RULES, Item::ArrayOfTables(tables));
    }
}

/// The table that says the same already, with its comments, or a new one.
fn kept_or_new(old: &mut Vec<Table>, rule: &RuleSettings) -> Result<Table, EditError> {
    let says_it = |table: &Table| read(table).is_some_and(|settings| same(&settings, rule));
    match old.iter().position(says_it) {
        Some(index) => Ok(unplaced(old.remove(index))),
        None => table_of(rule),
    }
}

fn read(table: &Table) -> Option<RuleSettings> {
    toml_edit::de::from_document(DocumentMut::from(table.clone())).ok()
}

/// A table as a place in the text: where it stood before does not count, so that they come in their order.
fn unplaced(mut table: Table) -> Table {
    table.set_position(None);
    table
}

fn same(one: &RuleSettings, other: &RuleSettings) -> bool {
    one.tools == other.tools
        && one.when == other.when
        && one.callers == other.callers
        && one.then == other.then
}

fn table_of(rule: &RuleSettings) -> Result<Table, EditError> {
    let mut table = toml_edit::ser::to_document(rule)?.as_table().clone();
    table.decor_mut().set_prefix("\n");
    Ok(table)
}

#[cfg(test)]
mod tests {
    use drawbridge_gateway::{Decision, When};

    use super::*;

    const TEXT: &str = "# mine\nlisten = \"127.0.0.1:1\" # here\n\n# no guests\n[[rules]]\ntools = [\"files_*\"] # all\nthen = \"deny\"\n\n[[rules]]\ntools = [\"*\"]\nwhen = \"destructive\"\nthen = \"ask\"\n\n[files]\n# roots\nroots = []\n";

    fn rule(tool: &str, when: Option<When>, then: Decision) -> RuleSettings {
        RuleSettings { tools: vec![tool.to_owned()], when, callers: None, then }
    }

    fn rules(text: &str) -> Vec<RuleSettings> {
        let mut document: DocumentMut = text.parse().unwrap();
        take_tables(&mut document).unwrap().iter().map(|table| read(table).unwrap()).collect()
    }

    fn tools(text: &str) -> Vec<String> {
        rules(text).iter().map(|rule| rule.tools[0].clone()).collect()
    }

    #[test]
    fn what_stays_is_as_it_was_comments_included() {
        let same = with_rules(TEXT, &rules(TEXT)).unwrap();
        assert_eq!(tools(&same), ["files_*", "*"]);
        for kept in
            ["# mine", "\"127.0.0.1:1\" # here", "# no guests", "# all", "[files]\n# roots\nroots = []"]
        {
            assert!(same.contains(kept), "{kept} in {same}");
        }
    }

    #[test]
    fn rules_are_added_moved_and_removed() {
        let mut wanted = rules(TEXT);
        wanted.reverse();
        wanted.push(rule("llm_*", None, Decision::Allow));
        let changed = with_rules(TEXT, &wanted).unwrap();
        assert_eq!(tools(&changed), ["*", "files_*", "llm_*"]);
        assert!(changed.contains("# no guests\n[[rules]]\ntools = [\"files_*\"] # all"), "{changed}");
        assert_eq!(tools(&with_rules(&changed, &[]).unwrap()), Vec::<String>::new());
        assert!(!with_rules(TEXT, &[]).unwrap().contains("rules"));
        assert_eq!(tools(&with_rules("", &wanted).unwrap()), ["*", "files_*", "llm_*"]);
    }

    #[test]
    fn a_new_rule_comes_before_the_others() {
        let changed = with_first(TEXT, &rule("notes_echo", Some(When::OpenWorld), Decision::Allow)).unwrap();
        assert_eq!(tools(&changed), ["notes_echo", "files_*", "*"], "{changed}");
        assert!(changed.contains("# no guests") && changed.contains("# roots"));
        assert_eq!(rules(&changed)[0].when, Some(When::OpenWorld));
        assert_eq!(tools(&with_first("", &rule("a", None, Decision::Deny)).unwrap()), ["a"]);
    }

    #[test]
    fn what_is_no_list_of_tables_is_left_to_the_owner() {
        assert!(matches!(with_rules("rules = []", &[]), Err(EditError::Form)));
        assert!(matches!(with_rules("rules = ", &[]), Err(EditError::Text(_))));
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_is_read_back(names in proptest::collection::vec("[ -~é\"\\\\]{0,12}", 0..5), text in "(# [a-z]{0,5}\n|a = 1\n)?") {
            let wanted: Vec<RuleSettings> = names.iter().map(|name| rule(name, None, Decision::Ask)).collect();
            let written = with_rules(&text, &wanted).unwrap();
            proptest::prop_assert_eq!(&tools(&written), &names);
            proptest::prop_assert!(written.contains(text.trim_end()));
            let first = with_first(&written, &rule("first", None, Decision::Deny)).unwrap();
            proptest::prop_assert_eq!(tools(&first).len(), names.len() + 1);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[a-z_\\[\\]=\"0-9 \n.{},#]{0,60}") {
            let _ = with_first(&text, &rule("a", None, Decision::Ask));
        }
    }
}
