//! Paths of every kind: whatever is written, only what lies in the root is touched.

use std::fs;
use std::os::unix::fs::symlink;

use proptest::prelude::*;

use crate::sample::Sample;

fn component() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec!["..", ".", "", "a", "b", "in", "out", "up", "notes", "outside", "secret.txt", "x"])
            .prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => Just("\0".to_owned()),
    ]
}

fn path() -> impl Strategy<Value = String> {
    (prop::collection::vec(component(), 0..8), any::<bool>())
        .prop_map(|(parts, absolute)| format!("{}{}", if absolute { "/" } else { "" }, parts.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn no_path_leads_out(paths in prop::collection::vec(path(), 1..12)) {
        let sample = Sample::new();
        let outside = sample.home.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret.txt"), "the-secret-text").unwrap();
        fs::create_dir(sample.at("a")).unwrap();
        symlink("../a", sample.at("a/in")).unwrap();
        symlink("../../outside", sample.at("a/out")).unwrap();
        symlink("..", sample.at("up")).unwrap();
        symlink(&outside, sample.at("out")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for path in paths {
            let quoted = serde_json::to_string(&path).unwrap();
            let read = runtime.block_on(sample.kit.says("files_read", &format!(r#"{{"path": {quoted}}}"#)));
            prop_assert!(!read.contains("the-secret-text"), "{path:?}: {read}");
            let write = format!(r#"{{"path": {quoted}, "content": "x", "make_parents": true}}"#);
            runtime.block_on(sample.kit.says("files_write", &write));
            let delete = format!(r#"{{"path": {quoted}, "recursive": true}}"#);
            runtime.block_on(sample.kit.says("files_delete", &delete));
        }
        prop_assert_eq!(fs::read_to_string(outside.join("secret.txt")).unwrap(), "the-secret-text");
        prop_assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        prop_assert_eq!(fs::read_dir(sample.home.path()).unwrap().count(), 2);
        prop_assert!(sample.at("").is_dir());
    }
}
