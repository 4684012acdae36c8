//! Time, size, rate, depth, and tools that misbehave.

use drawbridge_contract::{Authenticator as _, Handler as _, Live, Refusal};
use drawbridge_gateway::DEPTH_MAX;

use crate::house::Hub;

#[tokio::test]
async fn a_tool_that_hangs_is_stopped_at_its_limit() {
    let hub = Hub::open();
    let said = hub.owner_says("t_hang", "").await;
    assert!(said.contains("stopped after"), "{said}");
    assert_eq!(hub.ran_soon().await, 1, "what it left behind was told to stop");
}

#[tokio::test]
async fn a_cancelled_call_ends_at_once() {
    let hub = Hub::open();
    let live = Live::default();
    let cancel = live.cancellation.clone();
    let call = hub.call(&hub.gateway.owner(), "t_hang", "");
    cancel.cancel();
    let ended = hub.gateway.clone().call(call, live).await;
    assert!(matches!(ended, Err(Refusal::Cancelled)), "{ended:?}");
}

#[tokio::test]
async fn a_result_beyond_the_bound_is_not_handed_out() {
    let said = Hub::open().owner_says("t_large", "").await;
    assert!(said.contains("more than the 16777216 allowed"), "{said}");
}

#[tokio::test]
async fn a_tool_that_panics_takes_nobody_along() {
    let hub = Hub::open();
    assert!(hub.owner_says("t_panic", "boom").await.contains("internal error in t_panic"));
    assert_eq!(hub.owner_says("t_echo", "still here").await, "still here");
}

#[tokio::test]
async fn the_call_beyond_the_rate_is_refused() {
    let hub = Hub::open();
    let caller = hub.gateway.authenticate(&hub.add_key("slow", &["*"], Some(2)).await).unwrap();
    for _ in 0..2 {
        assert_eq!(hub.says(hub.call(&caller, "t_change", "")).await, "changed");
    }
    assert!(hub.says(hub.call(&caller, "t_change", "")).await.contains("at most 2 a minute"));
    hub.add_key("another", &["*"], None).await;
    assert!(
        hub.says(hub.call(&caller, "t_change", "")).await.contains("at most 2 a minute"),
        "a policy change fills no bucket"
    );
    assert_eq!(hub.ran(), 2);
}

#[tokio::test]
async fn calls_within_calls_pass_the_same_door_up_to_the_depth_limit() {
    let hub = Hub::open();
    assert_eq!(hub.owner_says("t_nest", "t_echo").await, "down");
    assert!(hub.owner_says("t_nest", "t_nothing").await.contains("unknown tool"));
    let mut call = hub.call(&hub.gateway.owner(), "t_nest", "t_echo");
    call.origin.depth = DEPTH_MAX;
    assert!(hub.says(call.clone()).await.contains("deeper than 8 levels"));
    call.origin.depth = DEPTH_MAX - 1;
    assert_eq!(hub.says(call).await, "down");
    let guest = hub.gateway.authenticate(&hub.add_key("guest", &["t_nest"], None).await).unwrap();
    assert!(
        hub.says(hub.call(&guest, "t_nest", "t_echo")).await.contains("unknown tool"),
        "a tool has no more rights than its caller"
    );
}
