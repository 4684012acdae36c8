//! What a tier shows, how many calls it lets through, and what becomes of a licence.

use std::sync::Arc;

use drawbridge_contract::{
    Authenticator as _, CallLimit, Caller, Handler as _, Licence, Licensing, Refusal, Tier,
};
use drawbridge_gateway::GatewaySettings;

use crate::house::Hub;

fn tier(name: &str, allowed: &str, count: u32) -> Tier {
    let calls = Some(CallLimit { count, window_seconds: 3600 });
    Tier { name: name.into(), allowed: vec![allowed.into()], calls, ..Tier::nothing() }
}

fn licence(tier: &str) -> Licence {
    let (key_id, user) = ("0123456789abcdef".into(), "me".into());
    Licence { key_id, user, tier: tier.into(), expires_us: None, is_signed: false, fault: None }
}

fn licensing(tiers: Vec<Tier>, licence: Option<Licence>) -> Licensing {
    let tiers = tiers.into_iter().map(|tier| (tier.name.clone(), Arc::new(tier))).collect();
    Licensing { tiers, licence: licence.map(Arc::new) }
}

fn settings(licensing: Licensing) -> GatewaySettings {
    let old_methods = vec![("mcp.t.echo", "t_echo")];
    GatewaySettings { licensing, old_methods, ..GatewaySettings::default() }
}

impl Hub {
    async fn caller_in(&self, name: &str, tier: Option<&str>) -> Arc<Caller> {
        self.gateway.authenticate(&self.add_key_in(name, &["*"], None, tier).await).unwrap()
    }

    /// The key's holder as it is known now.
    fn again(&self, name: &str) -> Arc<Caller> {
        self.gateway.authenticate(&format!("secret of {name}")).unwrap()
    }
}

#[tokio::test]
async fn a_tier_shows_what_it_names_by_our_names_or_the_older_clients() {
    let tiers = vec![tier("ECHO", "mcp.t.*", 9), tier("CHANGE", "t_change", 9)];
    let hub = Hub::with(&settings(licensing(tiers, None)));
    for (name, sees) in [("ECHO", "t_echo"), ("CHANGE", "t_change")] {
        let caller = hub.caller_in(name, Some(name)).await;
        let view = hub.gateway.view(&caller);
        assert_eq!(view.tools.iter().map(|tool| &*tool.spec().name).collect::<Vec<_>>(), [sees]);
        assert!(hub.says(hub.call(&caller, "t_fail", "")).await.contains("unknown tool"));
    }
}

#[tokio::test]
async fn what_other_tiers_would_show_is_told_and_changes_nothing() {
    let hub = Hub::with(&settings(licensing(vec![tier("ECHO", "t_echo", 9)], None)));
    let caller = hub.caller_in("a", Some("ECHO")).await;
    let of = |tiers: Vec<Tier>| {
        let effects = hub.gateway.effects_of(licensing(tiers, None)).unwrap();
        let own = effects.into_iter().filter(|effect| *effect.caller == *caller.id);
        own.map(|effect| effect.tool.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of(vec![tier("ECHO", "t_change", 9)]), ["t_change"]);
    assert_eq!(of(vec![tier("ECHO", "t_echo", 9)]), ["t_echo"]);
    assert!(of(Vec::new()).is_empty(), "a tier that is gone gives nothing");
    let view = hub.gateway.view(&caller);
    assert_eq!(view.tools.iter().map(|tool| &*tool.spec().name).collect::<Vec<_>>(), ["t_echo"]);
}

#[tokio::test]
async fn what_a_tier_hides_stays_hidden() {
    let all = Tier { hidden: vec!["t_ch*".into()], ..tier("ALL", "*", 9) };
    let hub = Hub::with(&settings(licensing(vec![all], None)));
    let caller = hub.caller_in("a", Some("ALL")).await;
    assert_eq!(hub.says(hub.call(&caller, "t_echo", "hi")).await, "hi");
    assert!(hub.says(hub.call(&caller, "t_change", "")).await.contains("unknown tool"));
}

#[tokio::test]
async fn parallel_calls_get_what_the_tier_allows_and_a_restart_gives_no_more() {
    let settings = settings(licensing(vec![tier("TEN", "*", 10)], None));
    let hub = Hub::with(&settings);
    let caller = hub.caller_in("a", Some("TEN")).await;
    let calls = (0..100).map(|_| hub.send(hub.call(&caller, "t_change", "")));
    let ended = futures::future::join_all(calls).await;
    assert_eq!((ended.iter().filter(|one| one.is_ok()).count(), hub.ran()), (10, 10));
    let refused = ended.into_iter().find_map(Result::err).unwrap();
    assert!(matches!(&refused, Refusal::TierSpent { tier, .. } if &**tier == "TEN"), "{refused:?}");
    assert_eq!(hub.gateway.standing(&caller).calls_left, Some(0));

    hub.store.close().await.unwrap();
    let Hub { gateway, home, .. } = hub;
    drop(gateway);
    let hub = Hub::at(home, &settings);
    assert!(hub.says(hub.call(&hub.again("a"), "t_change", "")).await.contains("are used up"));
    let other = hub.caller_in("b", Some("TEN")).await;
    assert_eq!(hub.says(hub.call(&other, "t_change", "")).await, "changed", "each key has its own");
}

#[tokio::test]
async fn keys_without_a_tier_share_what_the_licence_gives() {
    let hub = Hub::with(&settings(licensing(vec![tier("PRO", "*", 3)], Some(licence("PRO")))));
    let (one, two) = (hub.caller_in("one", None).await, hub.caller_in("two", None).await);
    for caller in [&one, &two, &one] {
        assert_eq!(hub.says(hub.call(caller, "t_change", "")).await, "changed");
    }
    assert!(hub.says(hub.call(&two, "t_change", "")).await.contains("are used up"));
    assert_eq!(&*hub.gateway.standing(&two).licence.unwrap().user, "me");
    assert_eq!(hub.owner_says("t_change", "").await, "changed", "nothing bounds the owner");
}

#[tokio::test]
async fn whoever_has_a_licence_at_fault_may_do_nothing_and_hears_why() {
    let expired = Licence { fault: Some("the licence expired".into()), ..licence("PRO") };
    let unknown = licence("GOLD");
    for licence in [expired, unknown] {
        let hub = Hub::with(&settings(licensing(vec![tier("PRO", "*", 9)], Some(licence))));
        let caller = hub.caller_in("a", None).await;
        assert!(hub.gateway.view(&caller).tools.is_empty());
        let said = hub.says(hub.call(&caller, "t_echo", "")).await;
        assert!(said.contains("may do nothing: the licence"), "{said}");
    }
}

#[tokio::test]
async fn a_licence_ends_at_its_moment() {
    let ends_us = drawbridge_store::now_us() + 2_000_000;
    let ends = Licence { expires_us: Some(ends_us), ..licence("PRO") };
    let hub = Hub::with(&settings(licensing(vec![tier("PRO", "*", 9)], Some(ends))));
    let caller = hub.caller_in("a", None).await;
    let said = hub.says(hub.call(&caller, "t_echo", "in time")).await;
    // A busy machine may have let the moment pass.
    assert!(said == "in time" || drawbridge_store::now_us() >= ends_us, "{said}");
    while drawbridge_store::now_us() <= ends_us {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(hub.says(hub.call(&caller, "t_echo", "")).await.contains("expired"));
}

#[tokio::test]
async fn another_licence_holds_at_once_and_fills_no_window() {
    let tiers = || vec![tier("FREE", "t_echo", 5), tier("PRO", "*", 3)];
    let hub = Hub::with(&settings(licensing(tiers(), Some(licence("PRO")))));
    let caller = hub.caller_in("a", None).await;
    let mut changes = hub.gateway.changes();
    for _ in 0..3 {
        hub.says(hub.call(&caller, "t_change", "")).await;
    }
    hub.gateway.relicense(licensing(tiers(), Some(licence("FREE")))).unwrap();
    changes.try_recv().unwrap();
    let caller = hub.again("a");
    assert!(hub.says(hub.call(&caller, "t_change", "")).await.contains("unknown tool"));
    hub.gateway.relicense(licensing(tiers(), Some(licence("PRO")))).unwrap();
    assert!(hub.says(hub.call(&hub.again("a"), "t_change", "")).await.contains("are used up"));
    hub.gateway.relicense(Licensing::default()).unwrap();
    assert_eq!(hub.says(hub.call(&hub.again("a"), "t_change", "")).await, "changed");
}
