//! Everything that tools and exchanges stand on, and how a question finds its answer.

use std::sync::Arc;

use bytes::Bytes;
use drawbridge_contract::Caller;
use drawbridge_outbound::Method;

use crate::answering::Answering;
use crate::cache::Cache;
use crate::chat::{ChatRequest, Failure, FailureKind};
use crate::directory::{Directory, Target};
use crate::error::OpenError;
use crate::provider::{Body, Sent, Turn, Unsent};
use crate::quota::{Coming, Ledger, QuotaError, Reservation, Wanted};
use crate::settings::LlmSettings;
use crate::wire::{ModelEntry, own_tools_of_fields};

/// Providers, names and books.
pub(crate) struct Models {
    pub(crate) directory: Directory,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) cache: Cache,
}

/// Why there is no answer, with the status that says so over HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Unanswered {
    pub(crate) failure: Failure,
    pub(crate) status: u16,
    /// Whether another provider may be asked: this one refused, or never saw the request.
    pub(crate) elsewhere: bool,
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self { status: failure.status_for_callers(), failure, elsewhere: false }
    }
}

impl From<Unsent> for Unanswered {
    fn from(unsent: Unsent) -> Self {
        use FailureKind::{Exhausted, Key, NotFound, Overloaded, RateLimited};
        let refused = matches!(unsent.failure.kind, RateLimited | Overloaded | Exhausted | Key | NotFound);
        Self { elsewhere: unsent.nothing_was_sent || refused, ..unsent.failure.into() }
    }
}

impl From<QuotaError> for Unanswered {
    fn from(error: QuotaError) -> Self {
        let kind = match &error {
            QuotaError::Model { .. }
            | QuotaError::ModelWithoutPrice { .. }
            | QuotaError::ToolWithoutPrice { .. } => FailureKind::NotAllowed,
            QuotaError::TokensPerRequest { .. } => FailureKind::Invalid,
            QuotaError::TokensToday { .. } | QuotaError::MoneyToday { .. } => FailureKind::RateLimited,
            QuotaError::Uncounted => FailureKind::Overloaded,
        };
        let failure = Failure::new(kind, error.to_string()).with_retry_after(error.retry_after());
        let failure = failure.with_code(error.code().map(ToOwned::to_owned));
        Self { failure, status: error.status(), elsewhere: false }
    }
}

/// A place at a provider, with everything that was agreed before anything is sent.
pub(crate) struct Admitted {
    pub(crate) target: Target,
    pub(crate) turn: Option<Turn>,
    pub(crate) reservation: Reservation,
}

/// Who asks, and who hears how the line moves.
pub(crate) struct Asker<'a> {
    pub(crate) caller: Arc<Caller>,
    /// Hears the place in the line of a local server.
    pub(crate) on_place: &'a (dyn Fn(&str, usize) + Sync),
}

impl Models {
    /// # Errors
    /// [`OpenError`] says what of the settings is wrong.
    pub(crate) fn open(settings: &LlmSettings) -> Result<Arc<Self>, OpenError> {
        let (directory, ledger) = (Directory::open(settings)?, Ledger::open(settings)?);
        Ok(Arc::new(Self { directory, ledger, cache: Cache::new(&settings.cache) }))
    }

    /// Asks the model of `request`, by whatever name it was asked for, and the next one of its alias where the first
    /// cannot be asked. What comes back has begun to answer.
    ///
    /// # Errors
    /// [`Unanswered`] by the last one that was asked.
    pub(crate) async fn ask(&self, asker: &Asker<'_>, request: ChatRequest) -> Result<Answering, Unanswered> {
        let asked = request.model.clone();
        self.first_of(asker, &asked, |target| self.ask_at(asker, &asked, target, &request)).await
    }

    /// Where a name leads. The error names what there is for this caller, and nothing else.
    ///
    /// # Errors
    /// It leads nowhere.
    pub(crate) async fn find(&self, asker: &Asker<'_>, asked: &str) -> Result<Vec<Target>, Failure> {
        let may = |full: &str| self.ledger.check_model(&asker.caller, &[full]).is_ok();
        self.directory.find(asked, &may).await
    }

    /// The first good answer of the targets of a name.
    pub(crate) async fn first_of<T, F: Future<Output = Result<T, Unanswered>>>(
        &self,
        asker: &Asker<'_>,
        asked: &str,
        ask: impl Fn(Target) -> F,
    ) -> Result<T, Unanswered> {
        let mut last =
            Unanswered::from(Failure::new(FailureKind::NotFound, format!("{asked:?} leads to no model")));
        for target in self.find(asker, asked).await? {
            match ask(target).await {
                Ok(answer) => return Ok(answer),
                Err(unanswered) if unanswered.elsewhere => last = unanswered,
                Err(unanswered) => return Err(unanswered),
            }
        }
        Err(last)
    }

    /// Asks one target.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub(crate) async fn ask_at(
        &self,
        asker: &Asker<'_>,
        asked: &str,
        target: Target,
        request: &ChatRequest,
    ) -> Result<Answering, Unanswered> {
        let prompt_tokens = request.estimated_prompt_tokens();
        let own_tools = match self.ledger.counts_tools(&asker.caller) {
            true => own_tools_of_fields(&request.extra.fields),
            false => Vec::new(),
        };
        let wanted = Wanted { own_tools: &own_tools, ..Wanted::of(prompt_tokens, request.max_tokens) };
        let mut admitted = self.admit(asker, asked, target, wanted).await?;
        let model = admitted.target.model.to_string();
        let max_tokens = admitted.reservation.max_tokens.or(request.max_tokens);
        let request = ChatRequest { model, max_tokens, ..request.clone() };
        let ((dialect, version), body) = admitted.target.provider.question(&request)?;
        let path = dialect.chat_path(&request.model, request.stream);
        let begun = std::time::Instant::now();
        let coming = if request.stream { Coming::InPieces } else { Coming::Whole };
        let sent = self.send(&mut admitted, coming, version, &path, body.into(), &[]).await?;
        Ok(Answering::new(admitted, dialect, sent, &request, begun))
    }

    /// Whether a request may go to this provider now: the caller's models and limits, then a turn in its line.
    ///
    /// # Errors
    /// [`Unanswered`] says what is used up or how full the line is.
    pub(crate) async fn admit(
        &self,
        asker: &Asker<'_>,
        asked: &str,
        target: Target,
        wanted: Wanted<'_>,
    ) -> Result<Admitted, Unanswered> {
        self.ledger.check_model(&asker.caller, &[&target.full, asked])?;
        let wanted = Wanted { is_local: target.provider.kind.is_local(), ..wanted };
        let reservation = self.ledger.reserve(&asker.caller, &target.full, wanted)?;
        let on_place = |place| (asker.on_place)(&target.provider.name, place);
        let turn = target.provider.enter(&asker.caller.id, &target.model, on_place).await;
        let turn = turn.map_err(|failure| Unanswered { elsewhere: true, ..failure.into() })?;
        Ok(Admitted { target, turn, reservation })
    }

    /// Every model that a caller may use: the owner's own names first, then all of every provider as `provider/model`.
    pub(crate) async fn all_models(&self, caller: &Caller) -> Vec<ModelEntry> {
        let may = |names: &[&str]| self.ledger.check_model(caller, names).is_ok();
        let aliases =
            self.directory.aliases().filter(|(alias, _)| may(&[alias])).map(|(alias, targets)| ModelEntry {
                id: alias.clone(),
                name: Some(format!("{alias} ({})", targets.join(", then "))),
                owner: Some("drawbridge".to_owned()),
                ..ModelEntry::default()
            });
        let mut all: Vec<ModelEntry> = aliases.collect();
        for shelf in self.directory.shelves().await {
            let models = shelf.models.iter().flat_map(|models| models.iter());
            let named = models.map(|entry| ModelEntry {
                id: format!("{}/{}", shelf.provider.name, entry.id),
                owner: entry.owner.clone().or_else(|| Some(shelf.provider.name.to_string())),
                ..entry.clone()
            });
            all.extend(named.filter(|entry| may(&[&entry.id])));
        }
        all
    }

    /// Why configured providers cannot be asked for their models.
    pub(crate) async fn silent_providers(&self) -> Vec<String> {
        let shelves = self.directory.shelves().await;
        shelves.into_iter().filter_map(|shelf| Some(shelf.models.err()?.to_string())).collect()
    }

    /// Sends what was admitted, with `headers` of the client's where it is passed on as it came.
    ///
    /// # Errors
    /// [`Unanswered`]; nothing is counted then.
    pub(crate) async fn send(
        &self,
        admitted: &mut Admitted,
        coming: Coming,
        version: &str,
        path: &str,
        body: Bytes,
        headers: &[(&'static str, Box<str>)],
    ) -> Result<Sent, Unanswered> {
        admitted.reservation.sending(coming);
        let content = Body::Json { body, headers };
        let sent = admitted.target.provider.send_as(version, Method::POST, path, content).await;
        if sent.is_err() {
            admitted.reservation.unsent();
        }
        Ok(sent?)
    }
}
