//! Settings, and the lever among them.

use drawbridge_store::{
    AuditFilter, SETTING_KEY_BYTES_MAX, SETTING_VALUE_BYTES_MAX, SETTINGS_MAX, Store, StoreError,
};

use crate::support::{owner, store};

#[tokio::test]
async fn the_lever_is_seen_by_another_process_at_once_and_kept() {
    let (folder, store) = store();
    let hub = Store::open(folder.path()).unwrap();
    let before = hub.generation();
    store.settings().set("bridge", "raised", "bridge.raise", owner()).await.unwrap();
    assert_ne!(hub.generation(), before);
    assert_eq!(hub.settings().get("bridge").unwrap().as_deref(), Some("raised"));
    drop((store, hub));
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.settings().get("bridge").unwrap().as_deref(), Some("raised"));
    store.settings().remove("bridge", "bridge.lower", owner()).await.unwrap();
    assert_eq!(store.settings().get("bridge").unwrap(), None);
    let acts =
        store.audit_page(&AuditFilter { target: Some("bridge.*".into()), ..Default::default() }, 9).unwrap();
    assert_eq!(
        acts.iter().map(|entry| &*entry.record.target).collect::<Vec<_>>(),
        ["bridge.lower", "bridge.raise"]
    );
}

#[tokio::test]
async fn settings_have_bounds() {
    let (_folder, store) = store();
    let set = async |key: &str, value: &str| store.settings().set(key, value, "test", owner()).await;
    set(&"k".repeat(SETTING_KEY_BYTES_MAX), &"v".repeat(SETTING_VALUE_BYTES_MAX)).await.unwrap();
    assert!(matches!(
        set(&"k".repeat(SETTING_KEY_BYTES_MAX + 1), "").await,
        Err(StoreError::TooLarge { .. })
    ));
    assert!(matches!(
        set("k", &"v".repeat(SETTING_VALUE_BYTES_MAX + 1)).await,
        Err(StoreError::TooLarge { .. })
    ));
    for number in 1..SETTINGS_MAX {
        set(&number.to_string(), "").await.unwrap();
    }
    assert!(matches!(set("one more", "").await, Err(StoreError::TooMany { .. })));
    set("7", "an old one may still change").await.unwrap();
    assert_eq!(store.settings().list().unwrap().len(), SETTINGS_MAX);
}

#[tokio::test]
async fn the_sealing_secret_is_no_setting() {
    let (folder, store) = store();
    let secret = store.sealing_secret();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.sealing_secret(), secret, "it stays");
    assert!(store.settings().list().unwrap().is_empty());
    let shown = format!("{store:?}");
    assert!(!shown.contains(&format!("{secret:?}")) && shown.contains("database"), "{shown}");
}
