//! The console's files, as they were built into the program.
//!
//! They hold no secret and need no key; what they ask for does. Each is answered with a policy that lets a page load
//! nothing but what is here, run no code that stands in a page, and be framed by nobody.

use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// One file of the console.
struct Asset {
    /// Its path below `/console/`.
    name: &'static str,
    plain: &'static [u8],
    /// The same, compressed (RFC 7932).
    brotli: Option<&'static [u8]>,
}

/// All of them; none where the program was built without the console.
const ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The page that every other page is in.
const INDEX: &str = "index.html";
/// Below it, a file's name changes with its content.
const HASHED: &str = "assets/";

/// What a page of the console may do (W3C Content Security Policy, level 3).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     media-src 'self' blob:; connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
     form-action 'self'";

const MISSING: &str = "The console is not in this program: it was built without it.\n\n\
     `cargo xtask run` builds it in, where Node 20 or newer is installed with npm.\n\
     Without it, everything is on the command line: `drawbridge --help`.\n";

/// `/console`: the address that people type.
pub(crate) async fn without_slash() -> Redirect {
    Redirect::permanent("/console/")
}

/// `/console/`.
pub(crate) async fn index(headers: HeaderMap) -> Response {
    serve(ASSETS, INDEX, &headers)
}

/// `/console/…`: a file, or the page that shows this place.
pub(crate) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    serve(ASSETS, &name, &headers)
}

fn serve(assets: &'static [Asset], name: &str, headers: &HeaderMap) -> Response {
    let find = |wanted: &str| assets.iter().find(|asset| asset.name == wanted);
    // A place may be named after a file, dots included: only below `assets/` is a name a file's and nothing else.
    let is_place = !name.starts_with(HASHED);
    let found = find(name).or_else(|| find(INDEX).filter(|_| is_place));
    let mut response = match found {
        Some(asset) => send(asset, headers),
        None if assets.is_empty() => (StatusCode::SERVICE_UNAVAILABLE, MISSING).into_response(),
        None => (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
    };
    protect(response.headers_mut());
    response
}

fn send(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let brotli = asset.brotli.filter(|_| accepts_brotli(headers));
    let mut response = brotli.unwrap_or(asset.plain).into_response();
    let sent = response.headers_mut();
    sent.insert(CONTENT_TYPE, HeaderValue::from_static(kind_of(asset.name)));
    let keep =
        if asset.name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-store" };
    sent.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    sent.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if brotli.is_some() {
        sent.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    response
}

fn protect(headers: &mut HeaderMap) {
    const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(OPENER, HeaderValue::from_static("same-origin"));
    headers.insert(RESOURCE, HeaderValue::from_static("same-origin"));
}

/// Whether brotli is among what the client takes (RFC 9110, section 12.5.3), and not with weight 0.
fn accepts_brotli(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_brotli = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("br"));
        let refused = |part: &str| {
            part.strip_prefix("q=")
                .is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight == 0.0))
        };
        is_brotli && !parts.any(refused)
    })
}

/// A file's media type, by the end of its name. What is not listed is not shown, but saved.
fn kind_of(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT: &[Asset] = &[
        Asset { name: INDEX, plain: b"<!doctype html>", brotli: Some(b"small") },
        Asset { name: "assets/app-1a2b.js", plain: b"let a", brotli: None },
    ];

    fn get(name: &str, encoding: &str) -> (u16, HeaderMap) {
        let headers = [(ACCEPT_ENCODING, HeaderValue::from_str(encoding).unwrap())].into_iter().collect();
        let response = serve(BUILT, name, &headers);
        (response.status().as_u16(), response.headers().clone())
    }

    #[test]
    fn files_are_served_and_places_show_the_page() {
        for (name, status, kind) in [
            (INDEX, 200, "text/html; charset=utf-8"),
            ("jobs/1a2b", 200, "text/html; charset=utf-8"),
            ("assets/app-1a2b.js", 200, "text/javascript; charset=utf-8"),
            ("files/Drawbridge/notes.v2.md", 200, "text/html; charset=utf-8"),
            ("tools/files.read", 200, "text/html; charset=utf-8"),
            ("../Cargo.toml", 200, "text/html; charset=utf-8"),
            ("assets/gone.js", 404, "text/plain; charset=utf-8"),
            ("assets/gone", 404, "text/plain; charset=utf-8"),
        ] {
            let (got, headers) = get(name, "gzip");
            assert_eq!((got, headers[CONTENT_TYPE].to_str().unwrap()), (status, kind), "{name}");
            assert_eq!(headers[CONTENT_SECURITY_POLICY], POLICY, "{name}");
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
        assert_eq!(get(INDEX, "").1[CACHE_CONTROL], "no-store");
        assert!(get("assets/app-1a2b.js", "").1[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    }

    #[test]
    fn compressed_is_sent_to_who_takes_it() {
        for (encoding, takes) in [
            ("br", true),
            ("gzip, deflate, br, zstd", true),
            ("gzip;q=1.0, BR;q=0.5", true),
            ("gzip", false),
            ("br;q=0", false),
            ("brotli", false),
            ("", false),
        ] {
            assert_eq!(get(INDEX, encoding).1.contains_key(CONTENT_ENCODING), takes, "{encoding}");
        }
        assert!(!get("assets/app-1a2b.js", "br").1.contains_key(CONTENT_ENCODING), "there is no smaller one");
    }

    #[test]
    fn without_the_console_the_page_says_what_builds_it() {
        let response = serve(&[], INDEX, &HeaderMap::new());
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            response.headers().contains_key(CONTENT_SECURITY_POLICY) && MISSING.contains("cargo xtask run")
        );
    }

    #[test]
    fn the_policy_allows_no_code_in_pages() {
        assert!(!POLICY.contains("unsafe") && !POLICY.contains("http") && !POLICY.contains('*'));
    }

    proptest::proptest! {
        #[test]
        fn no_name_or_header_makes_it_panic(name in "[ -~é]{0,40}", encoding in "[ -~]{0,40}") {
            let _ = get(&name, &encoding);
        }
    }
}
