//! Terminals: size, resize, the controlling terminal, signals from keys, the end.

use std::time::Duration;

use drawbridge_sandbox::{Child, Confinement, Exit, Launch, Sandbox, Size, Streams, Terminal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::tools::{GONE_WITHIN, PATIENCE, family, mark, marked, shell, until};

const SIZE: Size = Size { columns: 91, rows: 33 };

async fn open(launch: Launch) -> (Child, Terminal) {
    let mut child = Sandbox::new().launch(launch.streams(Streams::Terminal(SIZE))).await.unwrap();
    let terminal = child.terminal.take().unwrap();
    (child, terminal)
}

/// Everything shown until the words come.
async fn read_until(terminal: &mut Terminal, words: &str) -> String {
    let mut shown = String::new();
    let read = async {
        while !shown.contains(words) {
            let mut bytes = [0; 4096];
            let count = terminal.read(&mut bytes).await.unwrap();
            assert_ne!(count, 0, "it ended; shown until then: {shown}");
            shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    };
    let timely = tokio::time::timeout(PATIENCE, read).await.is_ok();
    assert!(timely, "no {words:?} in {shown:?}");
    shown
}

#[tokio::test]
async fn it_has_its_size_and_learns_another() {
    let line = "stty size; trap 'stty size; exit 4' WINCH; echo ready; while :; do sleep 0.01; done";
    let (mut child, mut terminal) = open(shell(line)).await;
    let shown = read_until(&mut terminal, "ready").await;
    assert!(shown.contains("33 91"), "{shown}");
    terminal.resize(Size { columns: 120, rows: 50 }).unwrap();
    read_until(&mut terminal, "50 120").await;
    assert_eq!(child.wait().await.unwrap().exit, Exit::Code(4));
}

#[tokio::test]
async fn it_is_the_controlling_terminal_and_keys_send_signals() {
    let (mut child, mut terminal) = open(shell("test -t 0 && echo hello > /dev/tty; cat")).await;
    read_until(&mut terminal, "hello").await;
    terminal.write_all(b"typed\n").await.unwrap();
    read_until(&mut terminal, "typed\r\ntyped").await;
    terminal.write_all(b"\x03").await.unwrap();
    assert_eq!(child.wait().await.unwrap().exit, Exit::Signal(libc::SIGINT));
}

#[tokio::test]
async fn the_end_of_the_program_is_the_end_of_what_is_shown_and_nothing_is_lost() {
    let (mut child, mut terminal) = open(shell("seq 1 20000")).await;
    let mut shown = String::new();
    terminal.read_to_string(&mut shown).await.unwrap();
    assert_eq!(shown.lines().count(), 20_000);
    assert!(shown.ends_with("20000\r\n"));
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn an_interactive_shell_has_job_control_confined_or_not() {
    let folder = tempfile::tempdir().unwrap();
    for confinement in [None, Some(Confinement::folder(folder.path()))] {
        let mut launch = Launch::new("sh").args(["-i"]).variable("PS1", "> ").directory(folder.path());
        launch.confinement = confinement;
        let (mut child, mut terminal) = open(launch).await;
        let mut writer = terminal.try_clone().unwrap();
        let shown = read_until(&mut terminal, "> ").await;
        assert!(!shown.contains("job control"), "{shown}");
        writer.write_all(b"sleep 1000 & jobs; tty; echo en''d\n").await.unwrap();
        let shown = read_until(&mut terminal, "end\r\n").await;
        assert!(shown.contains("Running") && shown.contains("/dev/pts/"), "{shown}");
        writer.write_all(b"exit 9\n").await.unwrap();
        let ended = child.wait().await.unwrap();
        assert_eq!((ended.exit, ended.left), (Exit::Code(9), 0));
    }
}

#[tokio::test]
async fn dropping_it_with_the_child_ends_everything() {
    let mark = mark();
    let (child, terminal) = open(shell(&family(&mark))).await;
    until("they are there", PATIENCE, || marked(&mark).len() >= 5).await;
    drop((child, terminal));
    until("nothing is left", GONE_WITHIN, || marked(&mark).is_empty()).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
}
