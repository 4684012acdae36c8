//! An answer that is coming: read, measured, counted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::chat::{Accumulator, ChatRequest, ChatResult, Failure, Measure, Piece};
use crate::models::Admitted;
use crate::provider::Sent;
use crate::quota::Reservation;
use crate::settings::ProviderKind;
use crate::wire::{Decoder, ProviderDialect};

/// The largest answer that comes as one body.
const BODY_BYTES_MAX: usize = 32 << 20;

/// An answer that is coming. Dropped before its end, the provider's connection is closed and what came is counted.
pub(crate) struct Answering {
    admitted: AdmittedParts,
    dialect: ProviderDialect,
    sent: Option<Sent>,
    decoder: Option<Decoder>,
    accumulator: Option<Accumulator>,
    ready: VecDeque<Piece>,
    begun: Instant,
    /// When the answer began, for its statistics.
    took: Duration,
    /// The model, as `provider/model`.
    pub(crate) full: std::sync::Arc<str>,
}

struct AdmittedParts {
    provider: std::sync::Arc<crate::provider::Provider>,
    turn: Option<crate::provider::Turn>,
    reservation: Option<Reservation>,
}

impl Answering {
    pub(crate) fn new(
        admitted: Admitted,
        dialect: ProviderDialect,
        sent: Sent,
        request: &ChatRequest,
        begun: Instant,
    ) -> Self {
        let Admitted { target, turn, reservation } = admitted;
        let call = uuid();
        let decoder = (request.stream && !sent.has_type("application/json")).then(|| dialect.decoder(&call));
        Self {
            full: target.full,
            dialect,
            admitted: AdmittedParts { provider: target.provider, turn, reservation: Some(reservation) },
            sent: Some(sent),
            decoder,
            accumulator: Some(Accumulator::new(request)),
            ready: VecDeque::new(),
            begun,
            took: Duration::ZERO,
        }
    }

    /// What kind of provider answers.
    pub(crate) fn kind(&self) -> ProviderKind {
        self.admitted.provider.kind
    }

    /// The next piece; `None` after the last. May be dropped and called again: nothing is lost.
    pub(crate) async fn next(&mut self) -> Option<Piece> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(piece);
            }
            let pieces = self.read().await?;
            self.take(pieces);
        }
    }

    /// More pieces from the provider.
    async fn read(&mut self) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        let Some(decoder) = &mut self.decoder else {
            let sent = self.sent.take()?;
            if let Some(turn) = &self.admitted.turn {
                turn.answered();
            }
            return Some(whole(self.dialect, sent).await);
        };
        match self.sent.as_mut()?.chunk().await {
            Ok(Some(chunk)) => {
                if let Some(turn) = &self.admitted.turn {
                    turn.answered();
                }
                decoder.push(&chunk, &mut pieces);
            }
            Ok(None) => {
                self.sent = None;
                decoder.finish(&mut pieces);
            }
            Err(failure) => {
                self.sent = None;
                pieces.push(Piece::Failed(failure));
            }
        }
        Some(pieces)
    }

    /// Measures pieces, and gives them on. One that is too much ends the answer.
    fn take(&mut self, pieces: Vec<Piece>) {
        self.took = self.begun.elapsed();
        for piece in pieces {
            let piece = match piece {
                Piece::Failed(failure) => Piece::Failed(self.admitted.provider.named(failure)),
                piece => piece,
            };
            let taken =
                self.accumulator.as_mut().map_or(Ok(()), |accumulator| accumulator.push(&piece, self.took));
            let is_over = matches!(piece, Piece::Failed(_)) || taken.is_err();
            self.ready.push_back(match taken {
                Ok(()) => piece,
                Err(too_much) => {
                    Piece::Failed(Failure::new(crate::chat::FailureKind::Malformed, too_much.to_string()))
                }
            });
            if is_over {
                self.sent = None;
                return;
            }
        }
    }

    /// The whole answer as far as it came, why it is not complete if it is not, and what it cost in millionths.
    pub(crate) fn finish(mut self) -> Finished {
        let accumulator = self.accumulator.take();
        let failure = accumulator.as_ref().and_then(|one| one.failure().cloned());
        let result = accumulator.map_or_else(|| ChatResult::empty(""), |one| one.finish(self.took));
        let estimated = result
            .measured_here
            .iter()
            .any(|one| matches!(one, Measure::PromptTokens | Measure::CompletionTokens));
        let reservation = self.admitted.reservation.take();
        let micros = reservation.map_or(0, |reservation| reservation.settle(&result.usage, estimated));
        Finished { result, failure, micros }
    }

    /// Reads to the end.
    pub(crate) async fn complete(mut self) -> Finished {
        while self.next().await.is_some() {}
        self.finish()
    }
}

async fn whole(dialect: ProviderDialect, sent: Sent) -> Vec<Piece> {
    let answer = match sent.whole(BODY_BYTES_MAX).await {
        Ok(body) => dialect.decode_chat(&body, &uuid()),
        Err(failure) => Err(failure),
    };
    answer.unwrap_or_else(|failure| vec![Piece::Failed(failure)])
}

/// What came of a question.
pub(crate) struct Finished {
    pub(crate) result: ChatResult,
    /// Why the answer is not complete.
    pub(crate) failure: Option<Failure>,
    /// What it cost, in millionths.
    pub(crate) micros: u64,
}

impl Drop for Answering {
    /// Whoever goes away in the middle has used what came.
    fn drop(&mut self) {
        if let (Some(reservation), Some(accumulator)) = (self.admitted.reservation.take(), &self.accumulator)
        {
            reservation.settle(&accumulator.usage(), true);
        }
    }
}

/// A name that no other answer has.
pub(crate) fn uuid() -> String {
    format!("{:032x}", rand::random::<u128>())
}
