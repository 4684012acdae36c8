//! Children that talk too much, too strangely, or not at all.

use std::time::Duration;

use drawbridge_sandbox::{Cause, Launch, LaunchError, Output, OutputLimits, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::subject::WORD;
use crate::tools::{finish, program, run, shell, talking, within};

#[tokio::test]
async fn a_flood_is_kept_in_bounds_and_counted() {
    const BYTES: u64 = 50 << 20;
    let folder = tempfile::tempdir().unwrap();
    let limits = OutputLimits { head_bytes_max: 1000, tail_bytes_max: 1000, file_bytes_max: 1 << 20 };
    let mut child = Sandbox::new().launch(shell(&format!("yes | head -c {BYTES}; echo end"))).await.unwrap();
    let mut output = Output::new(limits, Some(folder.path().join("output")));
    let mut seen = 0;
    output.read(child.output.take().unwrap(), |bytes| seen += bytes.len() as u64).await.unwrap();
    assert!(child.wait().await.unwrap().success());
    let got = output.finish();
    assert_eq!((got.total_bytes, seen, got.file_bytes), (BYTES + 4, BYTES + 4, 1 << 20));
    assert!(got.head.starts_with(b"y\ny\n") && got.tail.ends_with(b"y\nend\n"));
}

#[tokio::test]
async fn a_flood_that_nobody_reads_is_ended_in_time() {
    let mut child =
        Sandbox::new().launch(shell("yes").limits(within(Duration::from_millis(200)))).await.unwrap();
    assert_eq!(child.wait().await.unwrap().cause, Cause::TimedOut);
}

#[tokio::test]
async fn garbage_comes_through_byte_by_byte() {
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
    let mut child = Sandbox::new().launch(shell("cat").streams(talking())).await.unwrap();
    let (mut input, mut output) = (child.input.take().unwrap(), child.output.take().unwrap());
    let write = async {
        input.write_all(&bytes).await.unwrap();
        drop(input);
    };
    let mut got = Vec::new();
    let (_, read) = tokio::join!(write, output.read_to_end(&mut got));
    read.unwrap();
    assert!(got == bytes, "{} bytes came back", got.len());
    assert!(child.wait().await.unwrap().success());
}

#[tokio::test]
async fn each_half_can_be_closed_alone() {
    // The child closes its output and goes on reading.
    let launch = shell("exec >&- 2>&-; read line; test \"$line\" = still").streams(talking());
    let mut child = Sandbox::new().launch(launch).await.unwrap();
    let mut nothing = Vec::new();
    child.output.take().unwrap().read_to_end(&mut nothing).await.unwrap();
    let mut input = child.input.take().unwrap();
    input.write_all(b"still\n").await.unwrap();
    assert!(finish(child).await.2.success());
    // We close its input, and it goes on writing.
    let mut child =
        Sandbox::new().launch(shell("cat; sleep 0.1; echo late").streams(talking())).await.unwrap();
    child.input.take().unwrap().write_all(b"first\n").await.unwrap();
    assert_eq!(finish(child).await.0, "first\nlate\n");
    // It closes its input: writing fails and nothing else does.
    let mut child = Sandbox::new().launch(shell("exec <&-; sleep 0.3").streams(talking())).await.unwrap();
    let mut input = child.input.take().unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(input.write_all(&[0; 1 << 20]).await.is_err());
    assert!(finish(child).await.2.success());
}

#[tokio::test]
async fn a_child_that_never_answers_can_be_left() {
    let mut child = Sandbox::new().launch(shell("read line").streams(talking())).await.unwrap();
    let mut output = child.output.take().unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(100), output.read_u8()).await.is_err());
    child.kill().unwrap();
    assert_eq!(child.wait().await.unwrap().cause, Cause::Stopped);
}

#[tokio::test]
async fn a_child_has_three_files_and_no_variables_but_those_that_it_may() {
    let launch = Launch::new(program()).args([WORD, "files"]);
    assert_eq!(run(launch).await.unwrap().0, "[0, 1, 2]\ndone\n");
    let (output, _, _) = run(Launch::new("env").variable("GIVEN", "yes")).await.unwrap();
    let names: Vec<&str> = output.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    assert!(names.contains(&"GIVEN") && names.contains(&"PATH"), "{output}");
    let expected = |name: &&str| {
        *name == "GIVEN" || name.starts_with("LC_") || drawbridge_sandbox::INHERITED.contains(name)
    };
    assert!(names.iter().all(expected), "{output}");
}

#[tokio::test]
async fn words_are_words_whatever_is_in_them() {
    let words = ["$(id)", "; rm -rf /", "a b", "", "`x`", "\n", "*", "\u{1b}[31m"];
    let (output, _, _) = run(Launch::new("printf").args(["<%s>"]).args(words)).await.unwrap();
    assert_eq!(output, words.map(|word| format!("<{word}>")).concat());
}

#[tokio::test]
async fn nonsense_is_refused_before_anything_starts() {
    for launch in [
        Launch::new(""),
        Launch::new("true").args(["a\0b"]),
        Launch::new("true").variable("A=B", ""),
        Launch::new("true").variable("DRAWBRIDGE_HOME", "/x"),
        Launch::new("true").args(["x".repeat(5 << 20)]),
        Launch { new_privileges: true, ..Launch::new("true").confined(Default::default()) },
    ] {
        let error = run(launch).await.unwrap_err();
        assert!(matches!(error, LaunchError::Invalid(_)), "{error}");
    }
    let error = run(Launch::new("true").directory("/no/such/folder")).await.unwrap_err();
    assert!(matches!(error, LaunchError::Directory { .. }), "{error}");
    // One argument longer than the kernel takes, and short enough for us.
    let error = run(Launch::new("true").args(["x".repeat(200_000)])).await.unwrap_err();
    assert!(matches!(error, LaunchError::Program { .. }), "{error}");
}
