//! Terminals that stay.

use std::time::{Duration, Instant};

use drawbridge_terminal::Confinement;
use serde_json::{Value, json};

use crate::desk::{Desk, Seat, eventually, is_running};

#[tokio::test]
async fn late_output_comes_back_whole() {
    let desk = Desk::new();
    desk.owner.bash("t").await;
    let answer = desk.owner.line("t", "sleep 2; echo late").await;
    assert_eq!(answer["reason"], "command_end");
    let command = &answer["commands"][0];
    assert_eq!(
        (command["line"].as_str(), command["exit_code"].as_i64()),
        (Some("sleep 2; echo late"), Some(0))
    );
    // From when its beginning was seen, which is late on a busy machine.
    assert!(command["duration_ms"].as_u64().unwrap() >= 500);
    let output = desk.owner.data("terminal_read", json!({ "session": "t", "command": 1 })).await;
    assert_eq!(output["text"], "late\n");
}

/// Commands, their codes and their output, in this shell.
async fn check_shell(shell: &str) {
    let desk = Desk::new();
    let opened = desk.owner.open(json!({ "name": "t", "shell": shell, "env": {"HOME": desk.at("")} })).await;
    assert_eq!(opened["status"], "prompt", "{shell}: {opened}");
    for (number, (line, code, output)) in
        [("echo one two", 0, "one two\n"), ("false", 1, ""), ("sh -c 'echo x; exit 7'", 7, "x\n")]
            .iter()
            .enumerate()
    {
        let answer = desk.owner.line("t", line).await;
        assert_eq!(answer["commands"][0]["exit_code"], *code, "{shell} {line}: {answer}");
        assert_eq!(answer["commands"][0]["line"], *line, "{shell}: {answer}");
        let read = json!({ "session": "t", "command": number + 1 });
        assert_eq!(desk.owner.data("terminal_read", read).await["text"], *output, "{shell} {line}");
    }
    let empty = desk.owner.line("t", "").await;
    assert_eq!((empty["reason"].as_str(), &empty["commands"]), (Some("command_end"), &json!([])), "{shell}");
    let variables = desk.owner.line("t", "env | grep -c '^TERMINAL_\\|^ENV=\\|^ZDOTDIR='; true").await;
    assert!(variables["text"].as_str().unwrap().contains("\n0\n"), "{shell}: {variables}");
}

#[tokio::test]
async fn bash_tells_its_commands() {
    check_shell("bash").await;
}

#[tokio::test]
async fn zsh_tells_its_commands() {
    check_shell("zsh").await;
}

#[tokio::test]
async fn fish_tells_its_commands() {
    check_shell("fish").await;
}

#[tokio::test]
async fn a_plain_shell_tells_its_commands() {
    check_shell("dash").await;
}

/// A shell whose person has a file of their own with an alias, a prompt, and a hook.
async fn check_own_file(shell: &str, file: &str, text: &str, variables: Value) {
    let desk = Desk::new();
    let path = desk.at(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    let mut env = json!({ "HOME": desk.at("") });
    env.as_object_mut().unwrap().extend(variables.as_object().unwrap().clone());
    desk.owner.open(json!({ "name": "t", "shell": shell, "env": env })).await;
    for code in [4, 5] {
        let answer = desk.owner.line("t", &format!("theirs {code}")).await;
        assert_eq!(answer["commands"][0]["exit_code"], code, "{shell}: {answer}");
        assert!(answer["text"].as_str().unwrap().contains(&format!("got {code}")), "{shell}: {answer}");
        desk.owner.screen_with("t", &format!("last {code}>$")).await;
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text, "{shell} changed its person's file");
}

#[tokio::test]
async fn bash_keeps_its_persons_file_prompt_and_hooks() {
    let text = "theirs() { echo got $1; return $1; }\nPROMPT_COMMAND='PS1=\"last $?> \"'\n";
    check_own_file("bash", ".bashrc", text, json!({})).await;
}

#[tokio::test]
async fn zsh_keeps_its_persons_file_prompt_and_hooks() {
    let text = "theirs() { echo got $1; return $1 }\nprecmd() { PS1=\"last $?> \" }\n";
    check_own_file("zsh", ".zshrc", text, json!({})).await;
}

#[tokio::test]
async fn fish_keeps_its_persons_file_prompt_and_hooks() {
    let text = "function theirs; echo got $argv[1]; return $argv[1]; end\n\
                function fish_prompt; printf 'last %s> ' $status; end\n";
    check_own_file("fish", ".config/fish/config.fish", text, json!({})).await;
}

#[tokio::test]
async fn marks_that_programs_print_are_not_believed() {
    let desk = Desk::new();
    desk.owner.bash("t").await;
    let forged = r"printf '\033]133;D;0\007\033]133;A\007\033]133;D;0;k=\007'; sleep 1; false";
    let answer = desk.owner.line("t", forged).await;
    assert_eq!(answer["commands"].as_array().unwrap().len(), 1);
    assert_eq!(answer["commands"][0]["exit_code"], 1);
}

#[tokio::test]
async fn waiting_ends_at_what_was_asked_for() {
    let desk = Desk::new();
    desk.owner.bash("t").await;
    let write =
        json!({ "session": "t", "text": "echo a; sleep 0.7; echo ready: 7; sleep 30", "enter": true });
    let cursor = desk.owner.data("terminal_write", write).await["cursor"].as_u64().unwrap();
    let read = |more: Value| {
        let mut arguments = json!({ "session": "t", "since": cursor, "timeout_ms": 5000 });
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let output = desk.owner.data("terminal_read", read(json!({ "until": "output" }))).await;
    assert_eq!(output["reason"], "output");
    let quiet = desk.owner.data("terminal_read", read(json!({ "until": "quiet", "quiet_ms": 300 }))).await;
    assert_eq!((quiet["reason"].as_str(), quiet["status"].as_str()), (Some("quiet"), Some("running")));
    let found = desk.owner.data("terminal_read", read(json!({ "pattern": "^ready: [0-9]$" }))).await;
    assert_eq!(found["reason"], "pattern");
    assert!(found["text"].as_str().unwrap().ends_with("ready: 7\n"), "{found}");
    let begun = Instant::now();
    let late = desk.owner.data("terminal_read", read(json!({ "timeout_ms": 200 }))).await;
    assert_eq!(late["reason"], "timeout");
    assert!(begun.elapsed() < Duration::from_secs(60));
    let now = desk.owner.data("terminal_read", read(json!({ "until": "now" }))).await;
    assert_eq!(now["reason"], "now");
    desk.owner.keys("t", "", &["ctrl-c"]).await;
    let ended = desk.owner.data("terminal_read", read(json!({}))).await;
    assert_eq!(ended["commands"][0]["exit_code"], 130);
    let both = desk.owner.error("terminal_read", read(json!({ "until": "now", "pattern": "x" }))).await;
    assert!(both.contains("not both"), "{both}");
    let bad = desk.owner.error("terminal_read", read(json!({ "pattern": "(" }))).await;
    assert!(bad.contains("the pattern cannot be used"), "{bad}");
    let unknown = desk.owner.error("terminal_read", read(json!({ "surprise": 1 }))).await;
    assert!(unknown.contains("surprise"), "{unknown}");
}

#[tokio::test]
async fn a_program_without_a_shell_is_read_when_it_is_quiet() {
    let desk = Desk::new();
    let opened = desk.owner.data("terminal_open", json!({ "argv": ["cat"], "name": "c" })).await;
    assert_eq!((opened["program"].as_str(), opened["status"].as_str()), (Some("cat"), Some("unknown")));
    let answer = desk.owner.line("c", "hello").await;
    assert_eq!((answer["text"].as_str(), answer["reason"].as_str()), (Some("hello\nhello\n"), Some("quiet")));
    desk.owner.keys("c", "", &["ctrl-d"]).await;
    let ended = desk.owner.data("terminal_read", json!({ "session": "c", "pattern": "never" })).await;
    assert_eq!((ended["reason"].as_str(), ended["ended"]["exit_code"].as_i64()), (Some("ended"), Some(0)));
    let error = desk.owner.error("terminal_write", json!({ "session": "c", "text": "x" })).await;
    assert!(error.contains("has ended"), "{error}");
}

#[tokio::test]
async fn several_lines_are_one_paste() {
    let desk = Desk::new();
    desk.owner.bash("t").await;
    let arguments = json!({
        "session": "t", "text": "for i in 1 2; do\n  echo item $i\ndone", "paste": true, "enter": true, "read": {},
    });
    let answer = desk.owner.data("terminal_write", arguments).await;
    assert_eq!(answer["commands"].as_array().unwrap().len(), 1, "{answer}");
    assert!(answer["text"].as_str().unwrap().contains("item 1\nitem 2\n"), "{answer}");
}

#[tokio::test]
async fn a_session_belongs_to_its_caller_and_the_owner_sees_it() {
    let desk = Desk::new();
    let (ada, bob) = (desk.key("ada"), desk.key("bob"));
    let opened = ada.bash("t").await;
    for session in ["t", opened["session"].as_str().unwrap()] {
        for (tool, more) in [
            ("terminal_read", json!({})),
            ("terminal_screen", json!({})),
            ("terminal_write", json!({"text": "x"})),
            ("terminal_resize", json!({"columns": 1, "rows": 1})),
            ("terminal_signal", json!({"signal": "KILL"})),
            ("terminal_close", json!({})),
        ] {
            let mut arguments = json!({ "session": session });
            arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let error = bob.error(tool, arguments).await;
            assert!(error.contains("no terminal"), "{tool}: {error}");
        }
    }
    let count = async |seat: &Seat| {
        seat.data("terminal_list", json!({})).await["terminals"].as_array().unwrap().len()
    };
    assert_eq!((count(&ada).await, count(&bob).await, count(&desk.owner).await), (1, 0, 1));
    // Bob's own may have the same name.
    bob.bash("t").await;
    assert_eq!((count(&bob).await, count(&desk.owner).await), (1, 2));
    desk.owner.data("terminal_close", json!({ "session": opened["session"] })).await;
    assert_eq!((count(&ada).await, count(&bob).await), (0, 1));
}

#[tokio::test]
async fn names_and_numbers_are_bounded_at_the_edge() {
    let desk = Desk::with(|mut settings| {
        (settings.bounds.sessions_max, settings.bounds.sessions_per_caller_max) = (3, 2);
        settings
    });
    let (ada, bob) = (desk.key("ada"), desk.key("bob"));
    let cat = json!({ "argv": ["cat"] });
    assert_eq!(ada.data("terminal_open", cat.clone()).await["name"], "cat-1");
    let taken = ada.error("terminal_open", json!({ "argv": ["cat"], "name": "cat-1" })).await;
    assert!(taken.contains("already"), "{taken}");
    assert_eq!(ada.data("terminal_open", cat.clone()).await["name"], "cat-2");
    assert!(ada.error("terminal_open", cat.clone()).await.contains("2 terminals are open"));
    bob.data("terminal_open", cat.clone()).await;
    assert!(bob.error("terminal_open", cat.clone()).await.contains("3 terminals are open"));
    // One that fails takes no place, and one that is closed gives its place back.
    ada.data("terminal_close", json!({ "session": "cat-1" })).await;
    assert!(bob.error("terminal_open", json!({ "argv": ["/no/such"] })).await.contains("cannot run"));
    bob.data("terminal_open", cat.clone()).await;
    for name in ["a b", "", "ü", &"x".repeat(65)] {
        ada.data("terminal_close", json!({ "session": "cat-2" })).await;
        let error = ada.error("terminal_open", json!({ "argv": ["cat"], "name": name })).await;
        assert!(error.contains("a terminal's name"), "{error}");
        ada.data("terminal_open", json!({ "argv": ["cat"], "name": "cat-2" })).await;
    }
}

#[tokio::test]
async fn a_terminal_that_nobody_uses_is_closed_and_one_that_is_used_is_not() {
    let desk = Desk::with(|mut settings| {
        settings.bounds.idle_max = Duration::from_secs(3);
        settings.bounds.ended_kept = Duration::from_millis(300);
        settings
    });
    desk.owner.data("terminal_open", json!({ "argv": ["sleep", "987661"], "name": "idle" })).await;
    desk.owner.data("terminal_open", json!({ "argv": ["sleep", "987662"], "name": "used" })).await;
    for _ in 0..300 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        desk.owner.data("terminal_screen", json!({ "session": "used" })).await;
        let listed = desk.owner.data("terminal_list", json!({})).await.to_string();
        if !listed.contains("\"idle\"") {
            break;
        }
    }
    assert!(!is_running("987661") && is_running("987662"));
    let gone = desk.owner.error("terminal_screen", json!({ "session": "idle" })).await;
    assert!(gone.contains("no terminal"), "{gone}");
}

#[tokio::test]
async fn what_runs_in_the_background_ends_with_its_terminal() {
    let desk = Desk::new();
    desk.owner.bash("t").await;
    desk.owner
        .line("t", "(trap '' TERM HUP INT; setsid sleep 987663) & sleep 987664 & nohup sleep 987665 &")
        .await;
    eventually("they run", || ["987663", "987664", "987665"].iter().all(|mark| is_running(mark))).await;
    let closed = desk.owner.data("terminal_close", json!({ "session": "t" })).await;
    // The one that ignores every signal is there for certain; the shell may have ended the others on its way out.
    assert!(closed["left_behind"].as_u64().unwrap() >= 1, "{closed}");
    assert!(!["987663", "987664", "987665"].iter().any(|mark| is_running(mark)));
}

#[tokio::test]
async fn they_end_with_the_server() {
    let desk = Desk::new();
    desk.owner.data("terminal_open", json!({ "argv": ["sleep", "987666"] })).await;
    assert!(is_running("987666"));
    drop(desk);
    eventually("the program has ended", || !is_running("987666")).await;
}

#[tokio::test]
async fn signals_reach_what_runs_in_the_foreground() {
    let desk = Desk::new();
    desk.owner.bash("t").await;
    // A program that takes ctrl-c as a key.
    let write = json!({ "session": "t", "text": "stty -isig; sleep 987667", "enter": true });
    let cursor = desk.owner.data("terminal_write", write).await["cursor"].clone();
    eventually("it runs", || is_running("sleep\u{0}987667")).await;
    desk.owner.says("terminal_signal", json!({ "session": "t", "signal": "TERM" })).await;
    let ended = desk.owner.data("terminal_read", json!({ "session": "t", "since": cursor })).await;
    assert_eq!(ended["commands"][0]["exit_code"], 143);
}

#[tokio::test]
async fn a_size_reaches_the_programs() {
    let desk = Desk::new();
    desk.owner.open(json!({ "name": "t", "shell": "bash", "columns": 100, "rows": 30 })).await;
    assert!(desk.owner.line("t", "stty size").await["text"].as_str().unwrap().contains("30 100"));
    desk.owner.data("terminal_resize", json!({ "session": "t", "columns": 132, "rows": 43 })).await;
    assert!(desk.owner.line("t", "stty size").await["text"].as_str().unwrap().contains("43 132"));
    let screen = desk.owner.data("terminal_screen", json!({ "session": "t" })).await;
    assert_eq!((screen["columns"].as_u64(), screen["rows"].as_u64()), (Some(132), Some(43)));
}

#[tokio::test]
async fn huge_output_is_bounded_and_what_is_lost_is_counted() {
    let desk = Desk::with(|mut settings| {
        settings.bounds.log_bytes_max = 10_000;
        settings
    });
    desk.owner.bash("t").await;
    let answer = desk.owner.line("t", "seq 1 200000").await;
    assert!(answer["missed_bytes"].as_u64().unwrap() > 1_000_000, "{answer}");
    let text = answer["text"].as_str().unwrap();
    assert!(text.contains("199999\n200000\n") && text.len() <= 10_000);
    assert_eq!(answer["commands"][0]["exit_code"], 0);
}

#[tokio::test]
async fn a_program_that_reads_no_input_does_not_hold_its_caller() {
    let desk = Desk::new();
    desk.owner
        .data("terminal_open", json!({ "argv": ["sh", "-c", "stty raw -echo; sleep 60"], "name": "t" }))
        .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    let text = "x".repeat(3000);
    loop {
        let result = desk.owner.call("terminal_write", json!({ "session": "t", "text": text })).await;
        if result.is_error {
            assert!(result.content.plain_text().contains("reads no input"));
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}

#[tokio::test]
async fn what_is_typed_is_bounded_at_the_edge() {
    let desk = Desk::new();
    desk.owner.data("terminal_open", json!({ "argv": ["cat"], "name": "t" })).await;
    let write = |text: String| json!({ "session": "t", "text": text });
    desk.owner.data("terminal_write", write("x".repeat(3000))).await;
    assert!(desk.owner.error("terminal_write", write("x".repeat(3001))).await.contains("in parts"));
    assert!(desk.owner.error("terminal_write", write(String::new())).await.contains("nothing to type"));
    let keys = |count: usize| json!({ "session": "t", "keys": vec!["a"; count] });
    desk.owner.data("terminal_write", keys(100)).await;
    assert!(desk.owner.error("terminal_write", keys(101)).await.contains("in parts"));
    let unknown = json!({ "session": "t", "keys": ["hyper-q"] });
    assert!(desk.owner.error("terminal_write", unknown).await.contains("page-down"));
}

#[tokio::test]
async fn commands_are_held_to_their_folder_and_without_it_to_nothing() {
    let desk = Desk::new();
    let outside = desk.home.path().join("outside");
    let attempt = format!(
        "echo x > inside && cat inside; echo y > {}; echo z > $TMPDIR/z && echo temporary",
        outside.display()
    );
    let ran = desk.owner.run(&attempt).await;
    assert_eq!(ran["stdout"], "x\ntemporary\n", "{ran}");
    assert!(ran["confined"] == true && !outside.exists(), "{ran}");
    let secret = desk.home.path().join("secret");
    std::fs::write(&secret, "s").unwrap();
    let read = desk.owner.run(&format!("cat {} /etc/shadow", secret.display())).await;
    assert_eq!((read["stdout"].as_str(), read["success"].as_bool()), (Some(""), Some(false)), "{read}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected");
    assert_eq!(desk.owner.run(&connect).await["stdout"], "");
    let free = Desk::with(|mut settings| {
        settings.confinement = Confinement::Off;
        settings
    });
    let ran = free.owner.run(&connect).await;
    assert_eq!((ran["stdout"].as_str(), ran["confined"].as_bool()), (Some("connected\n"), Some(false)));
    let opened = free.owner.says("terminal_open", json!({ "argv": ["cat"] })).await;
    assert!(opened.contains("not confined"), "{opened}");
}

#[tokio::test]
async fn d3_the_state_is_out_of_reach_even_where_a_folder_around_it_is_given() {
    let desk = Desk::with(|mut settings| {
        let home = settings.state.parent().unwrap().to_owned();
        std::fs::create_dir(&settings.state).unwrap();
        std::fs::write(settings.state.join("config.toml"), "keys").unwrap();
        std::os::unix::fs::symlink(&settings.state, home.join("link")).unwrap();
        settings.write = vec![home];
        settings
    });
    for path in ["state/config.toml", "link/config.toml", "work/../state/config.toml"] {
        let path = desk.home.path().join(path);
        let ran = desk.owner.run(&format!("cat {0}; echo x > {0}; rm {0}; true", path.display())).await;
        assert_eq!(ran["stdout"], "", "{ran}");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "keys");
    }
    assert_eq!(desk.owner.run("echo x > file && cat file").await["stdout"], "x\n");
}
