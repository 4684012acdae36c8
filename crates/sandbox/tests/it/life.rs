//! From start to end, without anything unusual.

use drawbridge_sandbox::{Cause, Confinement, Exit, Launch, LaunchError};

use crate::tools::{run, shell};

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
