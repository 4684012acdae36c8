//! The scripts that Redis runs for us. Each is a change, or a look, at one moment.

use std::sync::LazyLock;

use redis::Script;

macro_rules! scripts {
    ($($name:ident: $file:literal),* $(,)?) => {$(
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!("lua/house.lua"), include_str!($file))));
    )*};
}

scripts! {
    SUBMIT: "lua/submit.lua",
    EXCHANGE: "lua/exchange.lua",
    BEAT: "lua/beat.lua",
    REPORT: "lua/report.lua",
    CHANGE: "lua/change.lua",
    LOOK: "lua/look.lua",
    HISTORY: "lua/history.lua",
    COUNT: "lua/count.lua",
    SWEEP: "lua/sweep.lua",
}
