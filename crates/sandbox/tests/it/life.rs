//! From start to end, without anything unusual.

use drawbridge_sandbox::{Cause, Confinement, Exit, Launch, LaunchError, Sandbox};

use crate::subject::WORD;
use crate::tools::{GONE_WITHIN, finish, program, run, shell, until};

#[tokio::test]
async fn output_errors_and_exit_code_come_back_apart() {
    let (output, errors, ended) = run(shell("echo out; echo err >&2; exit 7")).await.unwrap();
    assert_eq!((output.as_str(), errors.as_str()), ("out\n", "err\n"));
    assert_eq!((ended.exit, ended.cause, ended.strays, ended.left), (Exit::Code(7), Cause::Itself, 0, 0));
    assert!(!ended.success());
}

#[tokio::test]
async fn success_and_signals_are_told_truthfully() {
    assert!(run(Launch::new("true")).await.unwrap().2.success());
    assert_eq!(run(shell("kill -SEGV $$")).await.unwrap().2.exit, Exit::Signal(libc::SIGSEGV));
}

#[tokio::test]
async fn confined_and_started() {
    let folder = tempfile::tempdir().unwrap();
    let launch = shell("echo hello > file; cat file; id -u").directory(folder.path());
    let (output, errors, ended) = run(launch.confined(Confinement::folder(folder.path()))).await.unwrap();
    assert!(output.starts_with("hello\n"), "{output} {errors}");
    assert!(ended.success());
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let error = run(Launch::new("/no/such/program")).await.unwrap_err();
    assert!(matches!(error, LaunchError::Program { .. }), "{error}");
}

#[tokio::test]
async fn many_at_once_each_get_their_own() {
    let sandbox = Sandbox::new();
    let launches = (0..100).map(|number| sandbox.launch(shell(&format!("sleep 0.05; echo {number}"))));
    let mut children = Vec::new();
    for launch in launches {
        children.push(launch.await.unwrap());
    }
    for (number, child) in children.into_iter().enumerate() {
        let (output, _, ended) = finish(child).await;
        assert_eq!((output, ended.success()), (format!("{number}\n"), true));
    }
}

/// In a process of its own, because other tests open files meanwhile.
#[tokio::test]
async fn neither_files_nor_processes_pile_up() {
    let test = "life::two_hundred_launches_one_after_the_other";
    let mut again = std::process::Command::new(program());
    let output = again.args([test, "--exact", "--ignored"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
#[ignore = "runs within the test above, alone in its process"]
async fn two_hundred_launches_one_after_the_other() {
    let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
    let sandbox = Sandbox::new();
    let one = async || finish(sandbox.launch(shell("echo $PPID")).await.unwrap()).await.0;
    one().await;
    let files = count("/proc/self/fd");
    let mut guards = Vec::new();
    for _ in 0..200 {
        guards.push(one().await.trim().to_owned());
    }
    assert_eq!(count("/proc/self/fd"), files);
    let there = || guards.iter().any(|guard| std::path::Path::new("/proc").join(guard).exists());
    until("the guards are gone, and waited for", GONE_WITHIN, || !there()).await;
}

/// Root may look into everything; for anyone else the hub's environment, with its keys, is closed.
#[tokio::test]
async fn a_hub_that_protects_itself_cannot_be_looked_into() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    for (protection, readable) in [("open", true), ("protected", false)] {
        let mut hub = std::process::Command::new(program());
        hub.args([WORD, "stay", protection]).stdout(std::process::Stdio::piped());
        let mut hub = hub.spawn().unwrap();
        std::io::Read::read_exact(&mut hub.stdout.take().unwrap(), &mut [0]).unwrap();
        let look = Launch::new("cat").args([format!("/proc/{}/environ", hub.id())]);
        assert_eq!(run(look).await.unwrap().2.success(), readable, "{protection}");
        hub.kill().unwrap();
        hub.wait().unwrap();
    }
}
