//! Keys.

use drawbridge_store::{
    AuditFilter, By, KEY_NAME_BYTES_MAX, KEY_SCOPES_MAX, KEYS_MAX, KeyKind, NewKey, Store, StoreError, now_us,
};

use crate::support::{owner, record, store};

fn key(name: &str, secret: u8) -> NewKey {
    NewKey {
        id: None,
        name: name.into(),
        hash: [secret; 32],
        kind: KeyKind::Key,
        scopes: vec!["files_*".into(), "mail_read".into()],
        tier: Some("pro".into()),
        expires_us: None,
        calls_per_minute: Some(60),
    }
}

fn acts(store: &Store) -> Vec<String> {
    let entries = store.audit_page(&AuditFilter::default(), 100).unwrap();
    entries.into_iter().rev().map(|entry| entry.record.target.to_string()).collect()
}

#[tokio::test]
async fn a_key_lives_from_adding_to_revoking() {
    let (_folder, store) = store();
    let added = store.keys().add(key("laptop", 1), owner()).await.unwrap();
    assert_eq!(store.keys().all_live(now_us()).unwrap(), std::slice::from_ref(&added));
    assert_eq!((&*added.name, added.hash, added.scopes.len()), ("laptop", [1; 32], 2));
    store.keys().revoke("laptop", owner()).await.unwrap();
    assert!(store.keys().all_live(now_us()).unwrap().is_empty());
    assert!(store.keys().list().unwrap()[0].revoked_us.is_some());
    let again = store.keys().revoke("laptop", owner()).await;
    assert!(matches!(again, Err(StoreError::NoSuchKey { name }) if name == "laptop"));
    assert_eq!(acts(&store), ["key.add", "key.revoke"]);
    assert!(store.audit_verify(None).unwrap().is_whole());
}

#[tokio::test]
async fn names_ids_and_secrets_are_unique() {
    let (_folder, store) = store();
    let check = async |key: NewKey, expected: &str| match store.keys().add(key, owner()).await {
        Err(StoreError::DuplicateKey { what, .. }) => assert_eq!(what, expected),
        other => panic!("{other:?}"),
    };
    let first = store.keys().add(NewKey { id: Some("one".into()), ..key("a", 1) }, owner()).await.unwrap();
    check(key("a", 2), "name").await;
    check(key("b", 1), "secret").await;
    check(NewKey { id: Some("one".into()), ..key("b", 2) }, "id").await;
    store.keys().revoke("a", owner()).await.unwrap();
    check(key("b", 1), "secret").await;
    let second = store.keys().add(key("a", 2), owner()).await.unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(acts(&store), ["key.add", "key.revoke", "key.add"], "what was refused left no trace");
}

#[tokio::test]
async fn replacing_revokes_the_old_one_in_the_same_moment() {
    let (_folder, store) = store();
    store.keys().replace(key("owner", 1), owner()).await.unwrap();
    store.keys().replace(key("owner", 2), owner()).await.unwrap();
    let live = store.keys().all_live(now_us()).unwrap();
    assert_eq!((live.len(), live[0].hash), (1, [2; 32]));
    let failed = store.keys().replace(key("owner", 1), owner()).await;
    assert!(matches!(failed, Err(StoreError::DuplicateKey { what: "secret", .. })));
    assert_eq!(store.keys().all_live(now_us()).unwrap()[0].hash, [2; 32], "the failure revoked nothing");
    assert_eq!(acts(&store), ["key.add", "key.revoke", "key.add"]);
}

#[tokio::test]
async fn an_expired_key_is_not_live() {
    let (_folder, store) = store();
    store.keys().add(NewKey { expires_us: Some(1000), ..key("a", 1) }, owner()).await.unwrap();
    assert_eq!(store.keys().all_live(999).unwrap().len(), 1);
    assert_eq!(store.keys().all_live(1000).unwrap().len(), 0);
    assert!(store.keys().list().unwrap()[0].is_live(999));
    assert!(!store.keys().list().unwrap()[0].is_live(1000));
}

#[tokio::test]
async fn use_is_noted_in_time_and_never_goes_back() {
    let (_folder, store) = store();
    let added = store.keys().add(key("a", 1), owner()).await.unwrap();
    let before = store.generation();
    for at_us in [5, 9, 7] {
        store.keys().used(added.id.clone(), at_us);
    }
    store.flush().await.unwrap();
    assert_eq!(store.keys().list().unwrap()[0].used_us, Some(9));
    assert_eq!(store.generation(), before, "that is no change of policy");
}

#[tokio::test]
async fn a_key_has_bounds() {
    let (_folder, store) = store();
    let longest = "n".repeat(KEY_NAME_BYTES_MAX);
    store.keys().add(key(&longest, 1), owner()).await.unwrap();
    let longer = format!("{longest}n");
    let refused = |result| assert!(matches!(result, Err(StoreError::TooLarge { .. })), "{result:?}");
    refused(store.keys().add(key(&longer, 2), owner()).await);
    let scopes = |count| NewKey { scopes: vec!["s".into(); count], ..key("scopes", 3) };
    refused(store.keys().add(scopes(KEY_SCOPES_MAX + 1), owner()).await);
    store.keys().add(scopes(KEY_SCOPES_MAX), owner()).await.unwrap();
}

#[tokio::test]
async fn a_change_changes_the_generation_for_everybody() {
    let (folder, store) = store();
    let other = Store::open(folder.path()).unwrap();
    store.flush().await.unwrap();
    let before = store.generation();
    assert_eq!(other.generation(), before);
    store.audit_durable(record("a")).await.unwrap();
    assert_eq!(other.generation(), before, "a record is no change of policy");
    store.keys().add(key("a", 1), owner()).await.unwrap();
    let after = other.generation();
    assert_ne!(after, before);
    assert_eq!(store.generation(), after);
    let refused = other.keys().add(key("a", 1), owner()).await;
    assert!(refused.is_err());
    assert_eq!(store.generation(), after, "what was refused is none either");
}

#[tokio::test]
async fn the_act_names_who_did_it() {
    let (_folder, store) = store();
    let by = By { call: "call-7".into(), ..By::now("ada", "console") };
    store.keys().add(key("a", 1), by.clone()).await.unwrap();
    let record = store.audit_follow(0, 1).unwrap().remove(0).record;
    assert_eq!((record.caller, record.entrance, record.call), (by.caller, by.entrance, by.call));
    assert_eq!(record.time_us, by.time_us);
    assert!(record.note.unwrap().contains("added the key key a"));
}

#[tokio::test]
async fn a_hash_is_never_serialised() {
    let (_folder, store) = store();
    let added = store.keys().add(key("a", 0xab), owner()).await.unwrap();
    let json = serde_json::to_string(&added).unwrap();
    assert!(!json.contains("hash") && !json.contains("171"), "{json}");
}

#[tokio::test]
async fn keys_are_bounded_and_those_that_expired_take_nobodys_place() {
    let (_folder, store) = store();
    let numbered = |number: usize, expires_us| {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_le_bytes());
        NewKey { hash, expires_us, ..key(&format!("k{number}"), 0) }
    };
    store.keys().add(numbered(0, Some(1)), owner()).await.unwrap();
    // At the same time, so that they are committed together.
    let adding = (1..=KEYS_MAX).map(|number| {
        let (store, key) = (store.clone(), numbered(number, None));
        tokio::spawn(async move { store.keys().add(key, owner()).await })
    });
    for added in adding.collect::<Vec<_>>() {
        added.await.unwrap().unwrap();
    }
    let one_more = store.keys().add(numbered(KEYS_MAX + 1, None), owner()).await;
    assert!(matches!(one_more, Err(StoreError::TooMany { .. })), "{one_more:?}");
    store.keys().revoke("k1", owner()).await.unwrap();
    store.keys().add(numbered(KEYS_MAX + 1, None), owner()).await.unwrap();
}
