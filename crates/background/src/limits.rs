//! What may run at once, as it is configured: the engine keeps limits over restarts, and the configuration may have changed.

use std::time::Duration;

use drawbridge_jobs::{Engine, EngineError, Limit, LimitRow};

/// When it is tried again to set them.
pub(crate) const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Sets these, and removes all others.
pub(crate) async fn keep(engine: &dyn Engine, wanted: &[LimitRow]) -> Result<(), EngineError> {
    let set = engine.limits().await?;
    for row in set.iter().filter(|row| wanted.iter().all(|wanted| wanted.scope != row.scope)) {
        engine.limit(row.scope.clone(), Limit::default()).await?;
    }
    for row in wanted.iter().filter(|row| !set.contains(row)) {
        engine.limit(row.scope.clone(), row.limit).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use drawbridge_jobs::{Embedded, Scope, Settings};

    use super::*;

    #[tokio::test]
    async fn what_is_configured_holds_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Embedded::open(folder.path(), Settings::default()).unwrap();
        let row = |name: &str, max| LimitRow {
            scope: Scope::Queue(Some(name.into())),
            limit: Limit { running_max: Some(max), rate: None },
        };
        keep(&engine, &[row("a", 1), row("b", 1)]).await.unwrap();
        keep(&engine, &[row("b", 2), row("c", 1)]).await.unwrap();
        let mut set = engine.limits().await.unwrap();
        set.sort_by_key(|row| format!("{:?}", row.scope));
        assert_eq!(set, [row("b", 2), row("c", 1)]);
    }
}
