//! `/api/console/tiers`: how much callers may do, and what a change of it would do.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use drawbridge_gateway::Effect;
use drawbridge_licence::{TIERS_BYTES_MAX, TierSettings, TierTable, Tiers, with_tiers};
use drawbridge_store::{AuditRecord, By};
use serde::Deserialize;
use serde_json::{Value, json};
use similar::TextDiff;

use super::effects::differences;
use super::file::replace;
use super::routes::CONTEXT_LINES;
use crate::answer::answer;
use crate::body;
use crate::problem::Problem;
use crate::program::TiersPlace;
use crate::shared::Shared;

/// The tiers that hold, the file they stand in, and who is in them.
pub(crate) async fn list(State(console): State<Arc<Shared>>) -> Result<Response, Problem> {
    let place = console.program.tiers();
    let text = read(&place)?;
    let table: TierTable =
        place.holds.iter().map(|(name, tier)| (name.to_string(), TierSettings::from(&**tier))).collect();
    let keys = console.store.keys().list()?;
    let named: Vec<Value> = keys
        .iter()
        .filter(|key| key.is_live(drawbridge_store::now_us()))
        .filter_map(|key| Some(json!({"key": key.name, "tier": key.tier.as_ref()?})))
        .collect();
    Ok(answer(&json!({
        "path": place.path, "text": text, "tiers": table, "keys": named, "licence": place.licence,
        "problem": place.problem, "locked": locked(&place).err(),
    })))
}

/// The text as it is; empty where there is no file.
fn read(place: &TiersPlace) -> Result<String, Problem> {
    match fs::read_to_string(&place.path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Problem::unavailable(format!("cannot read {}: {error}", place.path.display()))),
    }
}

/// Why this file is not changed here, if that is so: the old format is its owner's to keep or to leave.
fn locked(place: &TiersPlace) -> Result<(), String> {
    let name = place.path.display();
    if place.is_old {
        return Err(format!(
            "the tiers stand in {name}, in the format of llmbasedos, which is read and never written. Write them into \
             tiers.toml (docs/tiers.md); from then on they can be changed here"
        ));
    }
    match &place.problem {
        Some(problem) => Err(format!("{problem}. Mend it in an editor first")),
        None => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Looked {
    tiers: TierTable,
}

/// What other tiers would change: the lines of the file, and who may do what. Nothing is written.
pub(crate) async fn preview(
    State(console): State<Arc<Shared>>,
    request: Request,
) -> Result<Response, Problem> {
    let Looked { tiers } = body::json(request).await?;
    let place = console.program.tiers();
    let was = read(&place)?;
    let (text, after) = changed(&console, &place, &was, &tiers)?;
    let before = console.program.effects(None).map_err(Problem::invalid)?;
    let after = console.program.effects_of_tiers(after).map_err(Problem::invalid)?;
    let diff = TextDiff::from_lines(&was, &text);
    let diff = diff.unified_diff().context_radius(CONTEXT_LINES).to_string();
    Ok(answer(
        &json!({"diff": diff, "changes": differences(&before, &after), "locked_out": locked_out(&before, &after)}),
    ))
}

/// Who could do something, and could do nothing any more.
fn locked_out<'a>(before: &'a [Effect], after: &[Effect]) -> BTreeSet<&'a str> {
    let still: BTreeSet<&str> = after.iter().map(|effect| &*effect.caller).collect();
    before.iter().map(|effect| &*effect.caller).filter(|caller| !still.contains(caller)).collect()
}

/// The text with these tiers, and what it would mean.
fn changed(
    console: &Shared,
    place: &TiersPlace,
    was: &str,
    tiers: &TierTable,
) -> Result<(String, Tiers), Problem> {
    locked(place).map_err(Problem::conflict)?;
    let text = with_tiers(was, tiers).map_err(|error| Problem::invalid(error.to_string()))?;
    if text.len() > TIERS_BYTES_MAX {
        return Err(Problem::too_large(TIERS_BYTES_MAX));
    }
    let meant = console.program.read_tiers(&text).map_err(Problem::invalid)?;
    Ok((text, meant))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    tiers: TierTable,
    /// The text that the change was made from.
    was: String,
}

/// Writes these tiers in place of those there are. They hold within a second, in every hub that runs.
pub(crate) async fn write(State(console): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let Wanted { tiers, was } = body::json(request).await?;
    let _alone = console.config.lock().await;
    let place = console.program.tiers();
    if read(&place)? != was {
        return Err(Problem::conflict(
            "the file was changed meanwhile by somebody else: look at it again first",
        ));
    }
    let (text, _) = changed(&console, &place, &was, &tiers)?;
    // On disk before the effect, as everything that changes something.
    let name = place.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let act = AuditRecord::act(&By::now("owner", "console"), "tiers.write", format!("changed {name}"));
    console.store.audit_durable(act).await?;
    replace(&place.path, &text)
        .map_err(|error| Problem::unavailable(format!("cannot write {}: {error}", place.path.display())))?;
    Ok(answer(&json!({"text": text, "tiers": tiers})))
}

#[cfg(test)]
mod tests {
    use drawbridge_gateway::Decision;

    use super::*;

    fn place(path: &str, is_old: bool, problem: Option<&str>) -> TiersPlace {
        TiersPlace {
            path: path.into(),
            is_old,
            problem: problem.map(ToOwned::to_owned),
            licence: None,
            holds: Tiers::new(),
        }
    }

    #[test]
    fn an_old_file_and_one_at_fault_are_not_written() {
        assert!(locked(&place("/s/tiers.toml", false, None)).is_ok());
        assert!(locked(&place("/s/licence_tiers.yaml", true, None)).unwrap_err().contains("llmbasedos"));
        assert!(locked(&place("/s/tiers.toml", false, Some("no"))).unwrap_err().starts_with("no."));
    }

    #[test]
    fn whoever_sees_nothing_any_more_is_named() {
        let effect = |caller: &str| Effect {
            caller: caller.into(),
            tool: "a".into(),
            decision: Decision::Allow,
            why: "".into(),
        };
        let out = |after: &[Effect]| locked_out(&[effect("key:a"), effect("key:b")], after).len();
        assert_eq!((out(&[effect("key:a")]), out(&[]), out(&[effect("key:a"), effect("key:b")])), (1, 2, 0));
    }
}
