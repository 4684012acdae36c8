//! `terminal_run` and `terminal_output`.

use std::time::{Duration, Instant};

use drawbridge_contract::{Event, Live, Target};
use serde_json::json;

use crate::desk::{Desk, eventually, is_running};

#[tokio::test]
async fn a_command_gives_its_output_errors_code_and_success() {
    let desk = Desk::new();
    let good = desk.owner.run("echo out; echo err >&2").await;
    assert_eq!((good["stdout"].as_str(), good["stderr"].as_str()), (Some("out\n"), Some("err\n")));
    assert_eq!((good["exit_code"].as_i64(), good["success"].as_bool()), (Some(0), Some(true)));
    let bad = desk.owner.run("exit 3").await;
    assert_eq!((bad["exit_code"].as_i64(), bad["success"].as_bool()), (Some(3), Some(false)));
    let missing = desk.owner.run("no-such-program").await;
    assert_eq!((missing["exit_code"].as_i64(), missing["success"].as_bool()), (Some(127), Some(false)));
    let killed = desk.owner.run("kill -KILL $$").await;
    assert_eq!((killed["signal"].as_i64(), killed["success"].as_bool()), (Some(9), Some(false)));
    assert!(killed["exit_code"].is_null());
}

#[tokio::test]
async fn folder_variables_input_and_shell_are_the_callers() {
    let desk = Desk::new();
    std::fs::create_dir(desk.at("sub")).unwrap();
    let arguments = json!({
        "command": "pwd; echo $GREETING; cat; readlink /proc/$$/exe", "cwd": "sub", "env": {"GREETING": "hi"},
        "stdin": "typed\n", "shell": "sh",
    });
    let ran = desk.owner.data("terminal_run", arguments).await;
    let sub = desk.at("sub").canonicalize().unwrap();
    let stdout = ran["stdout"].as_str().unwrap();
    assert_eq!(stdout.lines().collect::<Vec<_>>()[..3], [sub.to_str().unwrap(), "hi", "typed"]);
    assert!(!stdout.contains("bash"), "{stdout}");
}

#[tokio::test]
async fn d8_arguments_are_read_by_no_shell() {
    let desk = Desk::new();
    let arguments = json!({ "argv": ["printf", "%s|", "; id", "$(id)", "`id`", "a b", "'", "\n"] });
    let ran = desk.owner.data("terminal_run", arguments).await;
    assert_eq!(ran["stdout"], "; id|$(id)|`id`|a b|'|\n|");
}

#[tokio::test]
async fn d9_a_command_sees_only_the_listed_variables() {
    let desk = Desk::new();
    let seen = desk.owner.run("env").await["stdout"].as_str().unwrap().to_owned();
    let allowed = [
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "TERM",
        "COLORTERM",
        "TZ",
        "TMPDIR",
        "PAGER",
        "GIT_PAGER",
        "GIT_TERMINAL_PROMPT",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
    ];
    for line in seen.lines() {
        let name = line.split('=').next().unwrap();
        assert!(allowed.contains(&name) || name.starts_with("LC_"), "{name} is seen");
    }
    let error =
        desk.owner.error("terminal_run", json!({"command": "env", "env": {"DRAWBRIDGE_HOME": "x"}})).await;
    assert!(error.contains("DRAWBRIDGE_HOME"), "{error}");
}

#[tokio::test]
async fn a_command_ends_at_its_time_with_all_that_it_started() {
    let desk = Desk::new();
    let begun = Instant::now();
    let command = "echo before; trap '' TERM; setsid sleep 987651 & sleep 987651";
    let ran = desk.owner.data("terminal_run", json!({ "command": command, "timeout_ms": 300 })).await;
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_eq!((ran["timed_out"].as_bool(), ran["success"].as_bool()), (Some(true), Some(false)));
    assert_eq!(ran["stdout"], "before\n");
    eventually("no sleep is left", || !is_running("987651")).await;
}

#[tokio::test]
async fn what_a_command_leaves_behind_is_ended() {
    let desk = Desk::new();
    let ran = desk.owner.run("sleep 987652 > /dev/null 2>&1 & echo started").await;
    assert_eq!((ran["stdout"].as_str(), ran["left_behind"].as_i64()), (Some("started\n"), Some(1)));
    assert!(!is_running("987652"));
}

#[tokio::test]
async fn a_call_that_is_dropped_ends_its_command() {
    let desk = Desk::new();
    let arguments = json!({ "command": "trap '' TERM INT HUP; sleep 987653; sleep 987653" });
    let call = desk.owner.outcome(Target::Tool("terminal_run".into()), arguments, Live::default());
    assert!(tokio::time::timeout(Duration::from_millis(500), call).await.is_err());
    eventually("no sleep is left", || !is_running("987653")).await;
    let left = std::fs::read_dir(desk.home.path().join("state")).unwrap().flatten();
    for folder in left.filter(|entry| entry.path().is_dir()) {
        eventually("no temporary folder is left", || {
            std::fs::read_dir(folder.path().join("tmp")).unwrap().next().is_none()
        })
        .await;
    }
}

#[tokio::test]
async fn a_long_output_keeps_head_and_tail_and_the_rest_can_be_read() {
    let desk = Desk::new();
    let arguments = json!({ "command": "seq 1 100000", "output_bytes_max": 256 });
    let ran = desk.owner.data("terminal_run", arguments).await;
    let stdout = ran["stdout"].as_str().unwrap();
    assert!(stdout.starts_with("1\n2\n") && stdout.ends_with("99999\n100000\n"), "{stdout}");
    assert!(stdout.contains("terminal_output"), "{stdout}");
    assert_eq!(ran["stdout_bytes"], 588_895);
    assert_eq!(ran["stdout_omitted_bytes"], 588_895 - 256);
    let (mut from, mut whole) = (0, String::new());
    loop {
        let arguments = json!({ "run": ran["run"], "from_byte": from, "bytes_max": 100_000 });
        let part = desk.owner.data("terminal_output", arguments).await;
        whole.push_str(part["text"].as_str().unwrap());
        from = part["next_byte"].as_u64().unwrap();
        if part["at_end"] == true {
            break;
        }
    }
    let expected: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
    assert!(whole == expected, "the parts are not the whole");
    let stranger = desk.key("other");
    let error = stranger.error("terminal_output", json!({ "run": ran["run"] })).await;
    assert!(error.contains("of yours"), "{error}");
}

#[tokio::test]
async fn an_output_at_the_edge_of_the_answer_is_whole() {
    let desk = Desk::new();
    for (bytes, omitted) in [(256, 0), (257, 1)] {
        let command = format!("head -c {bytes} /dev/zero | tr '\\0' x");
        let arguments = json!({ "command": command, "output_bytes_max": 256 });
        let ran = desk.owner.data("terminal_run", arguments).await;
        assert_eq!(ran["stdout_omitted_bytes"], omitted);
        assert_eq!(ran["stdout"].as_str().unwrap().len() == 256, omitted == 0);
    }
}

#[tokio::test]
async fn f6_what_blocklists_miss_is_held_by_the_kernel_and_what_they_stop_runs() {
    let desk = Desk::new();
    let precious = desk.home.path().join("precious");
    std::fs::create_dir(&precious).unwrap();
    std::fs::write(precious.join("file"), "kept").unwrap();
    let place = precious.display();
    for disguised in [
        format!("rm\t-rf {place}"),
        format!("$(printf 'r%s' m) -rf {place}"),
        format!("r''m -r\"\"f {place}"),
        format!("echo 'rm -rf {place}' | base64 | base64 -d | sh"),
        format!("find {place} -delete"),
        format!("eval $(echo mv {place} gone)"),
        format!(": > {place}/file"),
        format!("python3 -c 'import shutil; shutil.rmtree(\"{place}\")'"),
        format!("ln -s {place} way && cp /dev/null way/file"),
    ] {
        let ran = desk.owner.run(&disguised).await;
        assert_eq!(ran["success"], false, "{disguised}: {ran}");
        assert_eq!(std::fs::read_to_string(precious.join("file")).unwrap(), "kept", "{disguised}");
    }
    for harmless in ["echo 'rm -rf / ; mkfs ; shutdown now ; :(){ :|:& };:'", "mkdir -p a/b && rm -rf a"] {
        assert_eq!(desk.owner.run(harmless).await["success"], true, "{harmless}");
    }
}

#[tokio::test]
async fn i2_a_flood_is_bounded_in_memory_and_on_disk() {
    let desk = Desk::with(|mut settings| {
        settings.bounds.output_file_bytes_max = 1_000_000;
        settings
    });
    let ran = desk.owner.data("terminal_run", json!({ "command": "head -c 300000000 /dev/zero" })).await;
    assert_eq!(ran["stdout_bytes"], 300_000_000);
    let part = desk.owner.data("terminal_output", json!({ "run": ran["run"], "from_byte": 999_990 })).await;
    assert_eq!((part["kept_bytes"].as_u64(), part["at_end"].as_bool()), (Some(1_000_000), Some(true)));
}

#[tokio::test]
async fn bytes_that_are_no_text_are_named_or_given_as_base64() {
    let desk = Desk::new();
    let command = r"printf '\x00\xff\x01'";
    assert_eq!(
        desk.owner.run(command).await["stdout"],
        "[3 bytes that are not text; `raw` gives them as base64]"
    );
    let raw = desk.owner.data("terminal_run", json!({ "command": command, "raw": true })).await;
    assert_eq!((raw["stdout"].as_str(), raw["stdout_is_base64"].as_bool()), (Some("AP8B"), Some(true)));
    let coloured = r"printf '\033[31mred\033[0m h\xc3\xa9'";
    assert_eq!(desk.owner.run(coloured).await["stdout"], "red hé");
    let raw = desk.owner.data("terminal_run", json!({ "command": coloured, "raw": true })).await;
    assert_eq!(raw["stdout"], "\u{1b}[31mred\u{1b}[0m hé");
}

#[tokio::test]
async fn what_it_writes_is_told_while_it_runs() {
    #[derive(Default)]
    struct Heard(std::sync::Mutex<Vec<(f64, String)>>);
    impl drawbridge_contract::Sink for Heard {
        fn send(&self, event: Event) {
            if let Event::Progress { progress, message, .. } = event {
                self.0.lock().unwrap().push((progress, message.unwrap_or_default()));
            }
        }
    }
    let desk = Desk::new();
    let heard = std::sync::Arc::new(Heard::default());
    let live = Live { sink: Some(heard.clone()), ..Live::default() };
    let arguments = json!({ "command": "echo one; sleep 0.3; echo two" });
    desk.owner.outcome(Target::Tool("terminal_run".into()), arguments, live).await.unwrap();
    let heard = heard.0.lock().unwrap().clone();
    assert_eq!(heard, [(4.0, "one\n".to_owned()), (8.0, "two\n".to_owned())]);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_what_would() {
    let desk = Desk::new();
    for (arguments, expected) in [
        (json!({}), "command or argv"),
        (json!({"command": "a", "argv": ["b"]}), "command or argv"),
        (json!({"argv": []}), "begin with a program"),
        (json!({"argv": ["a"], "shell": "sh"}), "no shell"),
        (json!({"command": "a", "timeout_ms": 600_001}), "terminal_open"),
        (json!({"command": "a", "output_bytes_max": 255}), "256"),
        (json!({"argv": ["/no/such/program"]}), "cannot run /no/such/program"),
        (json!({"command": "a", "cwd": "/no/such/folder"}), "cannot work in"),
        (json!({"command": "a", "surprise": 1}), "unknown field"),
    ] {
        let error = desk.owner.error("terminal_run", arguments).await;
        assert!(error.contains(expected), "{error}");
    }
}
