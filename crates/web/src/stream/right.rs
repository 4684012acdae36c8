//! The right to an open stream: asked again every second, because a key can be revoked and a bridge raised.

use std::sync::Arc;

use drawbridge_contract::{Handler, Target};

use super::End;
use crate::credential::Credential;
use crate::limits::RECHECK_EVERY;

/// Who was let reach what.
pub(crate) struct Right {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) credential: Credential,
    pub(crate) target: Target,
}

impl Right {
    /// Waits until it holds no more, and says why.
    pub(crate) async fn ended(&self) -> End {
        let mut again = tokio::time::interval(RECHECK_EVERY);
        loop {
            again.tick().await;
            if let Err(end) = self.check() {
                return end;
            }
        }
    }

    fn check(&self) -> Result<(), End> {
        self.credential.still_holds().map_err(|problem| End::KeyGone(problem.detail))?;
        let allowed = self.handler.still_allows(&self.credential.caller, &self.target);
        allowed.map_err(|refusal| End::NotAllowed(refusal.to_string()))
    }
}
