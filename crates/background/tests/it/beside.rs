//! What stands beside the jobs: whose it is, and that nothing gets round the door.

use std::sync::Arc;
use std::time::Duration;

use drawbridge_contract::{
    Arguments, Caller, DeliveryQuery, Handler, JobFilter, JobOptions, Jobs as _, MissedTimes,
    NewScheduleRequest, NewWebhook, Refusal, ScheduleView, Schedules, Timetable, ToolError, Webhooks,
};
use drawbridge_jobs::webhook::WebhookSettings;
use drawbridge_store::By;

use crate::hub::Hub;

/// A hub that also tells and plans.
fn open() -> Hub {
    let hub = Hub::open();
    let door: Arc<dyn Handler> = hub.gateway.clone();
    hub.jobs.keep_beside(&hub.engine, &[7; 32], WebhookSettings::default(), &door);
    hub.jobs.start_beside();
    hub.work()
}

fn schedules(hub: &Hub) -> Arc<dyn Schedules> {
    hub.jobs.schedules().unwrap()
}

fn webhooks(hub: &Hub) -> Arc<dyn Webhooks> {
    hub.jobs.webhooks().unwrap()
}

fn each_second(tool: &str) -> NewScheduleRequest {
    let when = Timetable {
        cron: Some("* * * * * *".into()),
        time_zone: Some("Europe/Berlin".into()),
        every_seconds: None,
        missed: MissedTimes::Once,
        missed_max: None,
        jitter_seconds: 0,
    };
    let (arguments, options) = (Arguments::none(), JobOptions::default());
    NewScheduleRequest { name: "s".into(), tool: tool.into(), arguments, options, when }
}

/// The schedule, once it is as it should be.
async fn becomes(hub: &Hub, caller: &Caller, right: impl Fn(&ScheduleView) -> bool) -> ScheduleView {
    for _ in 0..3_000 {
        let one = schedules(hub).list(caller).await.unwrap().remove(0);
        if right(&one) {
            return one;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?}", schedules(hub).list(caller).await.unwrap());
}

#[tokio::test]
async fn a_schedule_begins_jobs_of_its_caller() {
    let hub = open();
    let guest = hub.guest("guest", &["t_echo"]).await;
    schedules(&hub).add(&guest, each_second("t_echo")).await.unwrap();
    let one = becomes(&hub, &guest, |one| one.begun > 0).await;
    let job = hub.view(&one.last_job.unwrap()).await;
    assert_eq!((&*job.caller, &*job.tool), (&*guest.id, "t_echo"));
    assert!(one.next.unwrap().contains("+0"), "on the clocks of its zone");
    schedules(&hub).pause(&guest, "s", true).await.unwrap();
}

#[tokio::test]
async fn the_door_is_asked_when_it_is_made_and_each_time() {
    let hub = open();
    let guest = hub.guest("guest", &["t_echo"]).await;
    let refused = schedules(&hub).add(&guest, each_second("t_destroy")).await.unwrap_err();
    assert!(matches!(refused, Refusal::NotFound { kind: "tool", .. }), "{refused}");
    schedules(&hub).add(&guest, each_second("t_echo")).await.unwrap();
    hub.elsewhere().keys().revoke("guest", By::now("owner", "test")).await.unwrap();
    let one = becomes(&hub, &hub.owner(), |one| one.paused).await;
    assert!(one.last_error.unwrap().contains("may not call any more"));
}

#[tokio::test]
async fn what_is_of_somebody_else_does_not_exist() {
    let hub = open();
    let (mine, other) = (hub.guest("mine", &["*"]).await, hub.guest("other", &["*"]).await);
    let new = NewScheduleRequest {
        when: Timetable { cron: Some("0 0 1 1 *".into()), ..each_second("t_echo").when },
        ..each_second("t_echo")
    };
    let made = schedules(&hub).add(&mine, new).await.unwrap();
    let is_hidden = |refusal: Refusal| matches!(refusal, Refusal::Tool(ToolError::NotFound(_)));
    for name in ["s", &*made.id] {
        assert!(is_hidden(schedules(&hub).next(&other, name, 1).await.unwrap_err()));
        assert!(is_hidden(schedules(&hub).pause(&other, name, true).await.unwrap_err()));
        assert!(is_hidden(schedules(&hub).run(&other, name).await.unwrap_err()));
        assert!(is_hidden(schedules(&hub).remove(&other, name).await.unwrap_err()));
    }
    assert!(schedules(&hub).list(&other).await.unwrap().is_empty());

    let url = "https://example.com/hook";
    let of = |all_callers| NewWebhook {
        url: url.into(),
        events: Vec::new(),
        tools: Vec::new(),
        all_callers,
        secret: None,
    };
    let hook = webhooks(&hub).add(&mine, of(false)).await.unwrap();
    assert!(is_hidden(webhooks(&hub).pause(&other, &hook.id, true).await.unwrap_err()));
    assert!(is_hidden(webhooks(&hub).rotate(&other, &hook.id, 0, None).await.err().unwrap()));
    assert!(is_hidden(webhooks(&hub).remove(&other, &hook.id).await.unwrap_err()));
    assert!(webhooks(&hub).list(&other).await.unwrap().is_empty());
    let everybodys = webhooks(&hub).add(&mine, of(true)).await.err().unwrap();
    assert!(matches!(everybodys, Refusal::Tool(ToolError::Refused(_))), "only the owner hears of all");
    assert_eq!(webhooks(&hub).list(&hub.owner()).await.unwrap().len(), 1);
    let log = webhooks(&hub).log(&other, DeliveryQuery::default()).await.unwrap();
    assert!(log.deliveries.is_empty());
    let [first, second] = [&mine, &other].map(|caller| caller.id.clone());
    let secret = webhooks(&hub).rotate(&mine, "callback", 0, None).await.unwrap();
    assert_eq!(*secret.id, format!("callback:{first}"));
    assert_ne!(
        webhooks(&hub).rotate(&other, "callback", 0, None).await.unwrap().secret,
        secret.secret,
        "{second}"
    );
}

/// A job carries what its tool read; a callback must not carry that to whoever the caller likes.
#[tokio::test]
async fn a_callback_goes_nowhere_that_the_owner_did_not_name() {
    let hub = open();
    for url in ["https://example.com/x", "http://127.0.0.1:1/", "http://[::1]/", "file:///etc/passwd"] {
        let options = JobOptions { callback_url: Some(url.into()), ..JobOptions::default() };
        let refused = hub.submit_as(&hub.owner(), "t_echo", "x", options).await;
        assert!(matches!(refused, Err(Refusal::Tool(_))), "{url}: {refused:?}");
    }
    let without = Hub::open();
    let options = JobOptions { callback_url: Some("https://example.com/".into()), ..JobOptions::default() };
    let refused = without.submit_as(&without.owner(), "t_echo", "x", options).await.unwrap_err();
    assert!(refused.to_string().contains("sends no webhooks"), "{refused}");
    let jobs = hub.jobs.list(&hub.owner(), JobFilter::default(), None, 10).await.unwrap();
    assert!(jobs.jobs.is_empty(), "a job whose callback is refused is not taken");
}
