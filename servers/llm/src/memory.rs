//! Models put into the memory of a local server, and out of it. Never one that is answering.

use std::sync::Arc;
use std::time::Instant;

use drawbridge_outbound::Method;

use crate::chat::{Failure, FailureKind};
use crate::directory::Target;
use crate::models::{Asker, Models, Unanswered};
use crate::provider::{Body, Turn};
use crate::wire::ModelEntry;

/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// Stands for no model, so that nobody else's model is loaded or answers meanwhile.
const NOBODY: &str = "";

/// What was loaded.
pub(crate) struct Loaded {
    pub(crate) full: Arc<str>,
    /// The name of the copy in memory, where the server says.
    pub(crate) instance: Option<String>,
    /// How long it took.
    pub(crate) seconds: f64,
}

impl Models {
    /// Has a server load a model. It waits in the server's line like a question, so that nobody's model is put out.
    ///
    /// # Errors
    /// [`Unanswered`], also for servers that cannot be told to.
    pub(crate) async fn load(
        &self,
        asker: &Asker<'_>,
        asked: &str,
        ttl_s: Option<u64>,
        context_length: Option<u64>,
    ) -> Result<Loaded, Unanswered> {
        let target = self.one(asker, asked).await?;
        let provider = target.provider.clone();
        let (dialect, version) = provider.for_memory();
        let request =
            dialect.encode_load(&target.model, ttl_s, context_length).ok_or_else(|| cannot(&target))?;
        let turn = self.turn(asker, &target, &target.model).await?;
        let begun = Instant::now();
        let sent = provider.send_as(version, Method::POST, request.0, Body::from(request.1)).await?;
        let body = sent.whole(ANSWER_BYTES_MAX).await?;
        let (instance, seconds) = dialect.decode_load(&body).map_err(|failure| provider.named(failure))?;
        if let Some(turn) = &turn {
            turn.answered();
        }
        provider.forget_models().await;
        let seconds = seconds.unwrap_or_else(|| begun.elapsed().as_secs_f64());
        Ok(Loaded { full: target.full, instance, seconds })
    }

    /// Has a server put a model out of memory; gives how many copies that were.
    ///
    /// # Errors
    /// [`Unanswered`], also for one that is answering somebody.
    pub(crate) async fn unload(&self, asker: &Asker<'_>, asked: &str) -> Result<usize, Unanswered> {
        let target = self.one(asker, asked).await?;
        let provider = target.provider.clone();
        let (dialect, version) = provider.for_memory();
        dialect.encode_unload(&target.model).ok_or_else(|| cannot(&target))?;
        if provider.is_in_use(&target.model) {
            return Err(in_use(&target));
        }
        // While this turn is held no other begins; those that had begun may still answer.
        let turn = self.turn(asker, &target, &NOBODY.into()).await?;
        if provider.is_in_use(&target.model) {
            return Err(in_use(&target));
        }
        let copies = self.copies(&target).await?;
        for copy in &copies {
            let Some((path, body)) = dialect.encode_unload(copy) else { continue };
            let sent = provider.send_as(version, Method::POST, path, Body::from(body)).await?;
            sent.whole(ANSWER_BYTES_MAX).await?;
        }
        provider.forget(&target.model).await;
        drop(turn);
        Ok(copies.len())
    }

    /// The names under which a model is in memory.
    async fn copies(&self, target: &Target) -> Result<Vec<String>, Unanswered> {
        let (dialect, version) = target.provider.for_memory();
        let path = dialect.loaded_path().unwrap_or(dialect.models_path());
        let sent = target.provider.send_as(version, Method::GET, path, Body::None).await?;
        let entries = dialect.decode_models(&sent.whole(ANSWER_BYTES_MAX).await?)?;
        let is_it = |entry: &&ModelEntry| {
            entry.id == *target.model || entry.id.strip_suffix(":latest") == Some(&*target.model)
        };
        let found = entries.iter().filter(is_it);
        Ok(match dialect.loaded_path() {
            Some(_) => found.map(|entry| entry.id.clone()).collect(),
            None => found.flat_map(|entry| entry.instances.clone()).collect(),
        })
    }

    /// The one model that a name means here, if this caller may use it.
    async fn one(&self, asker: &Asker<'_>, asked: &str) -> Result<Target, Unanswered> {
        let target = self.find(asker, asked).await?.into_iter().next();
        let target = target
            .ok_or_else(|| Failure::new(FailureKind::NotFound, format!("{asked:?} leads to no model")))?;
        self.ledger.check_model(&asker.caller, &[&target.full, asked])?;
        Ok(target)
    }

    async fn turn(
        &self,
        asker: &Asker<'_>,
        target: &Target,
        model: &Arc<str>,
    ) -> Result<Option<Turn>, Unanswered> {
        let on_place = |place| (asker.on_place)(&target.provider.name, place);
        Ok(target.provider.enter(&asker.caller.id, model, on_place).await?)
    }
}

fn cannot(target: &Target) -> Unanswered {
    let words =
        format!("{} cannot be told to load or unload models: LM Studio and Ollama can", target.provider.name);
    Failure::new(FailureKind::Invalid, words).into()
}

fn in_use(target: &Target) -> Unanswered {
    let words = format!("{} is answering somebody now: unload it when it is done", target.full);
    Unanswered { status: 409, ..Failure::new(FailureKind::Overloaded, words).into() }
}
