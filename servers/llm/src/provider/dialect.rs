//! Which dialect each kind of provider is spoken to in, and where that begins behind its address.

use crate::settings::ProviderKind;
use crate::wire::ProviderDialect;

/// The dialect of a kind, and the path that stands before every path of the dialect.
pub(super) fn of(kind: ProviderKind) -> (ProviderDialect, &'static str) {
    match kind {
        ProviderKind::OpenAi => (ProviderDialect::OpenAiChat, "/v1/"),
        ProviderKind::Compatible => (ProviderDialect::Compatible, "/v1/"),
        ProviderKind::LlamaCpp => (ProviderDialect::LlamaCpp, "/v1/"),
        ProviderKind::LmStudio => (ProviderDialect::LmStudioV0, "/api/v0/"),
        _ => (ProviderDialect::Compatible, "/v1/"),
    }
}
