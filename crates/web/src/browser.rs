//! Browsers that signed in at the console: their cookie, and what keeps other pages from using it.
//!
//! A browser sends a cookie whoever made the page that asks, so the cookie alone proves nothing. It counts only where
//! the request also shows that a page of ours made it (attack A3).

use drawbridge_contract::{CONSOLE_HEADER, SESSION_COOKIE, Session};
use http::header::{COOKIE, ORIGIN};
use http::{HeaderMap, HeaderName, Method};

use crate::credential::is_websocket;
use crate::guard::only;
use crate::problem::{Kind, Problem};

/// Where a browser says who made the page that asks (W3C Fetch Metadata). A page cannot set it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const CONSOLE: HeaderName = HeaderName::from_static(CONSOLE_HEADER);

/// The path of the console's files. They hold no secret, and whoever signs in needs them first.
const FILES: &str = "/console";
/// Where a browser signs in.
const SIGN_IN: &str = "/api/console/session";

/// Whether a route of the console is served to who is not known yet.
pub(crate) fn is_open(method: &Method, path: &str) -> bool {
    let is_file = path.strip_prefix(FILES).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let reads = matches!(*method, Method::GET | Method::HEAD);
    (is_file && reads) || (path == SIGN_IN && method == Method::POST)
}

/// The session that a request brings; nothing where its cookie is missing, empty, or there twice: another program on
/// this machine can add a cookie of the same name, and nobody can say which is meant.
pub(crate) fn session_of(headers: &HeaderMap) -> Option<Session> {
    let text = only(headers, &COOKIE).ok().flatten()?;
    let values = text.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut ours = values.filter(|(name, _)| *name == SESSION_COOKIE).map(|(_, value)| value);
    match (ours.next(), ours.next()) {
        (Some(value), None) if !value.is_empty() => Some(Session::new(value)),
        _ => None,
    }
}

/// Whether a page of the console made this request.
///
/// # Errors
/// Another page may have, or nothing shows that none did.
pub(crate) fn check_page(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let reads = matches!(*method, Method::GET | Method::HEAD) && !is_websocket(headers);
    match only(headers, &SEC_FETCH_SITE) {
        Ok(None | Some("same-origin")) => {}
        // A person opened it, by the address or a bookmark.
        Ok(Some("none")) if reads => {}
        _ => return Err(another_page("another page asked")),
    }
    if is_websocket(headers) {
        // Whose the origin is was checked before.
        return only(headers, &ORIGIN)
            .ok()
            .flatten()
            .map(drop)
            .ok_or_else(|| another_page("no Origin says who asks"));
    }
    let says_so = || only(headers, &CONSOLE) == Ok(Some("1"));
    if reads || says_so() {
        Ok(())
    } else {
        Err(another_page("the header X-Drawbridge-Console: 1 is missing"))
    }
}

fn another_page(why: &str) -> Problem {
    Problem::new(Kind::ForeignOrigin, format!("a session is for the console's own pages alone: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair =
            |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        pairs.iter().map(pair).collect()
    }

    fn session(values: &[&str]) -> Option<String> {
        let pairs: Vec<_> = values.iter().map(|value| ("cookie", *value)).collect();
        session_of(&headers(&pairs)).map(|session| session.secret().to_owned())
    }

    #[test]
    fn a_session_is_read_from_its_cookie_and_nothing_else() {
        for good in [
            "drawbridge_console=abc",
            "a=b; drawbridge_console=abc;c=d",
            "theme=dark;  drawbridge_console=abc",
        ] {
            assert_eq!(session(&[good]).as_deref(), Some("abc"), "{good}");
        }
        for bad in [
            &[""][..],
            &["drawbridge_console="],
            &["drawbridge_console"],
            &["Drawbridge_Console=abc"],
            &["xdrawbridge_console=abc"],
            &["drawbridge_console=abc; drawbridge_console=abc"],
            &["drawbridge_console=abc", "drawbridge_console=abc"],
            &["a=drawbridge_console=abc"],
        ] {
            assert_eq!(session(bad), None, "{bad:?}");
        }
    }

    fn check(method: &Method, pairs: &[(&str, &str)]) -> bool {
        check_page(method, &headers(pairs)).is_ok()
    }

    #[test]
    fn a3_other_pages_cannot_use_the_cookie() {
        let marked = ("x-drawbridge-console", "1");
        for site in ["cross-site", "same-site", "", "x"] {
            assert!(!check(&Method::GET, &[("sec-fetch-site", site)]), "{site}");
            assert!(!check(&Method::POST, &[("sec-fetch-site", site), marked]), "{site}");
        }
        assert!(check(&Method::GET, &[]) && check(&Method::GET, &[("sec-fetch-site", "none")]));
        assert!(check(&Method::POST, &[("sec-fetch-site", "same-origin"), marked]));
        assert!(!check(&Method::POST, &[("sec-fetch-site", "none"), marked]));
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            assert!(check(&method, &[marked]), "{method}");
            assert!(!check(&method, &[("sec-fetch-site", "same-origin")]), "{method}");
            assert!(!check(&method, &[("x-drawbridge-console", "0")]), "{method}");
            assert!(!check(&method, &[marked, marked]), "{method}");
        }
    }

    #[test]
    fn a6_a_websocket_has_to_say_who_asks() {
        let upgrade = ("upgrade", "websocket");
        assert!(check(&Method::GET, &[upgrade, ("origin", "http://localhost:4747")]));
        assert!(!check(&Method::GET, &[upgrade]));
        assert!(!check(
            &Method::GET,
            &[upgrade, ("origin", "http://localhost:4747"), ("sec-fetch-site", "none")]
        ));
    }

    #[test]
    fn only_the_consoles_files_and_its_sign_in_are_open() {
        for path in ["/console", "/console/", "/console/assets/a.js"] {
            assert!(
                is_open(&Method::GET, path) && is_open(&Method::HEAD, path) && !is_open(&Method::POST, path)
            );
        }
        assert!(is_open(&Method::POST, SIGN_IN));
        assert!(!is_open(&Method::GET, SIGN_IN) && !is_open(&Method::DELETE, SIGN_IN));
        for path in ["/consoles", "/", "/api/console/now", "/api/console/session/", "/Console/"] {
            assert!(!is_open(&Method::GET, path) && !is_open(&Method::POST, path), "{path}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_cookie_makes_it_panic(text in "[ -~]{0,60}") {
            if let Some(found) = session(&[&text]) {
                let needle = format!("drawbridge_console={found}");
                proptest::prop_assert!(text.contains(&needle));
            }
        }
    }
}
