//! Whether a job that Redis hands us may run as its caller.

use drawbridge_jobs::Failure;

use crate::seal::{Place, What};
use crate::settings::Settings;
use crate::submit::Read;

/// Why it failed: nobody vouches for it, or something of it was changed.
pub const UNSEALED: &str = "unsealed";

/// How many characters of a caller's id are shown that anyone may have written.
const SHOWN_MAX: usize = 100;

/// Looks at a job's seal, and at its caller where it has none.
///
/// # Errors
/// How it is to fail: for good, because to try it again changes nothing.
pub(crate) fn admit(settings: &Settings, place: Place<'_>, tool: &str, read: &Read) -> Result<(), Failure> {
    let caller = read.caller.as_deref().unwrap_or_default();
    match &read.seal {
        Some(seal) if settings.sealing.fits(seal, What::Job, place, &read.parts(tool)) => Ok(()),
        Some(_) => Err(altered("it")),
        None if !caller.is_empty() && settings.foreign_callers.iter().any(|listed| listed == caller) => {
            Ok(())
        }
        None => Err(stranger(caller)),
    }
}

/// The failure of a job of which this was changed in Redis.
pub(crate) fn altered(what: &str) -> Failure {
    Failure::last(
        UNSEALED,
        format!(
            "{what} was changed or copied in Redis, or comes from a hub with another state folder, and does not run; look at \
             it, then submit it again. Programs that copy jobs leave `auth.seal` out"
        ),
    )
}

fn stranger(caller: &str) -> Failure {
    let shown: String = caller.chars().take(SHOWN_MAX).collect();
    let asks = if shown.is_empty() {
        "names no caller in `auth.id`".to_owned()
    } else {
        format!("asks to run as {shown:?}, who is not among `[jobs] foreign_callers`")
    };
    Failure::last(
        UNSEALED,
        format!(
            "it has no seal of this hub's (another program added it, or a hub from before there were seals) and {asks}. Submit \
             it again here; or, for programs of yours, make a key, put key:NAME into `auth.id` of their jobs, and into the \
             configuration: [jobs] foreign_callers = [\"key:NAME\"]"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Sealing;
    use crate::submit::read;

    const PLACE: Place<'_> = ("async-tasks", "7");

    fn settings(foreign: &[&str]) -> Settings {
        Settings {
            foreign_callers: foreign.iter().map(|&caller| caller.to_owned()).collect(),
            ..Settings::new("redis://localhost", Sealing::new(&[7; 32]))
        }
    }

    fn refusal(settings: &Settings, data: &str) -> String {
        let failure = admit(settings, PLACE, "t", &read(data)).unwrap_err();
        assert!(!failure.retryable && &*failure.code == UNSEALED, "{failure:?}");
        failure.message
    }

    #[test]
    fn without_a_seal_only_listed_callers_run() {
        let data = |caller: &str| format!(r#"{{"params":{{}},"auth":{{"id":"{caller}"}}}}"#);
        let (none, some) = (settings(&[]), settings(&["key:node"]));
        assert!(admit(&some, PLACE, "t", &read(&data("key:node"))).is_ok());
        for (settings, caller) in
            [(&none, "owner"), (&none, "key:node"), (&some, "owner"), (&some, "key:nod")]
        {
            let said = refusal(settings, &data(caller));
            assert!(said.contains(caller) && said.contains("foreign_callers"), "{said}");
        }
        assert!(
            admit(&settings(&["owner"]), PLACE, "t", &read(&data("owner"))).is_ok(),
            "who wants it has it"
        );
    }

    #[test]
    fn who_names_no_caller_is_none_of_the_listed() {
        for data in [r#"{"params":{}}"#, r#"{"params":{},"auth":{}}"#, r#"{"x":1}"#, "no json"] {
            assert!(refusal(&settings(&["key:node", ""]), data).contains("names no caller"), "{data}");
        }
    }

    #[test]
    fn a_seal_that_does_not_fit_is_worse_than_none() {
        let data = r#"{"params":{},"auth":{"id":"key:node","seal":"v1.AAAA"}}"#;
        assert!(refusal(&settings(&["key:node"]), data).contains("changed or copied"));
    }

    #[test]
    fn a_long_name_is_cut() {
        let data = format!(r#"{{"params":{{}},"auth":{{"id":"{}"}}}}"#, "x".repeat(SHOWN_MAX + 1));
        let said = refusal(&settings(&[]), &data);
        assert!(said.contains(&format!("\"{}\"", "x".repeat(SHOWN_MAX))), "{said}");
    }
}
