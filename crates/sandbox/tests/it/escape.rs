//! Attempts to get out. Each is made twice: first without a confinement, where it succeeds (else it would prove nothing),
//! then confined, where it does not.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};

use drawbridge_sandbox::{Confinement, Gap, Launch, Mode, Network, Sandbox, Streams};
use tempfile::TempDir;

use crate::subject::WORD;
use crate::tools::{finish, program, run, shell};

/// A folder to work in, and things outside that are none of the child's business.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("home/.ssh")).unwrap();
        fs::create_dir(folder.path().join("inside")).unwrap();
        fs::write(folder.path().join("home/.ssh/id_ed25519"), "a private key").unwrap();
        fs::write(folder.path().join("inside/own"), "own").unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn key(&self) -> String {
        self.path("home/.ssh/id_ed25519")
    }

    fn confinement(&self) -> Confinement {
        let mut confinement = Confinement::folder(self.folder.path().join("inside"));
        confinement.read.push(program());
        confinement
    }
}

fn attempt(words: &[&str]) -> Launch {
    Launch::new(program()).args([WORD]).args(words.iter().copied())
}

/// What an attempt prints.
async fn outcome(launch: Launch) -> String {
    let (output, errors, _) = run(launch).await.unwrap();
    format!("{output}{errors}").trim().to_owned()
}

/// It works unconfined, and is refused confined.
async fn check(confinement: &Confinement, words: &[&str]) {
    assert_eq!(outcome(attempt(words)).await, "done", "unconfined: {words:?}");
    check_refused(confinement, words).await;
}

async fn check_refused(confinement: &Confinement, words: &[&str]) {
    let got = outcome(attempt(words).confined(confinement.clone())).await;
    assert!(got.starts_with("refused"), "confined: {words:?}: {got}");
}

async fn check_allowed(confinement: &Confinement, words: &[&str]) {
    assert_eq!(outcome(attempt(words).confined(confinement.clone())).await, "done", "confined: {words:?}");
}

#[tokio::test]
async fn secrets_cannot_be_read() {
    let scene = Scene::new();
    let confinement = scene.confinement();
    check(&confinement, &["read", &scene.key()]).await;
    check(&confinement, &["list", &scene.path("home")]).await;
    check(&confinement, &["list", "/"]).await;
    check(&confinement, &["list", "/etc"]).await;
    check(&confinement, &["through-link", &scene.key(), &scene.path("inside/link")]).await;
    check_refused(&confinement, &["read", "/etc/shadow"]).await;
    check_refused(&confinement, &["read", &scene.path("inside/../home/.ssh/id_ed25519")]).await;
    check_refused(&confinement, &["read", "/proc/kcore"]).await;
}

#[tokio::test]
async fn nothing_outside_can_be_changed() {
    let scene = Scene::new();
    let confinement = scene.confinement();
    let key = scene.key();
    for words in [
        vec!["append", &key],
        vec!["write", &scene.path("home/new")],
        vec!["truncate", &key],
        vec!["hard-link", &key, &scene.path("inside/hard")],
    ] {
        check(&confinement, &words).await;
    }
    fs::write(&key, "a private key").unwrap();
    check_refused(&confinement, &["truncate", &key]).await;
    check_refused(&confinement, &["remove", &key]).await;
    check_refused(&confinement, &["rename", &key, &scene.path("inside/stolen")]).await;
    check_refused(&confinement, &["device", &scene.path("inside/device")]).await;
    assert_eq!(fs::read(&key).unwrap(), b"a private key");
}

#[tokio::test]
async fn modes_owners_times_and_attributes_outside_stay() {
    let scene = Scene::new();
    let confinement = scene.confinement();
    let key = scene.key();
    for action in ["chmod", "chown", "touch"] {
        check(&confinement, &[action, &key]).await;
        check_allowed(&confinement, &[action, &scene.path("inside/own")]).await;
    }
    check_refused(&confinement, &["attribute", &key]).await;
    // Without the namespace Landlock alone does not hold it, which is what the field is for.
    let confinement = Confinement { metadata: false, ..confinement };
    check_allowed(&confinement, &["chmod", &key]).await;
}

#[tokio::test]
async fn inside_everything_ordinary_works() {
    let scene = Scene::new();
    let line = "mkdir -p a/b && echo hi > a/b/c && mv a/b/c d && cp d e && ln -s e f && cat f && chmod +x e && \
                rm d && mkfifo p && echo x > /dev/null && head -c 3 /dev/urandom | wc -c && ls | sort | tr '\\n' ' '";
    let launch = shell(line).directory(scene.path("inside")).confined(scene.confinement());
    let (output, errors, ended) = run(launch).await.unwrap();
    assert!(ended.success(), "{errors}");
    assert_eq!(output, "hi\n3\na e f own p ", "{errors}");
}

#[tokio::test]
async fn without_a_network_nothing_is_reached() {
    let scene = Scene::new();
    let confinement = scene.confinement();
    let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (tcp, udp) = (tcp.local_addr().unwrap().to_string(), udp.local_addr().unwrap().to_string());
    check(&confinement, &["tcp", &tcp]).await;
    check(&confinement, &["udp", &udp]).await;
    check(&confinement, &["listen", "127.0.0.1:0"]).await;
    // AF_NETLINK, AF_VSOCK, AF_ALG: the kernel, the machine's host, the kernel's ciphers.
    for family in ["16", "40", "38"] {
        check_refused(&confinement, &["socket", family, "3"]).await;
    }
    check_allowed(&confinement, &["pair"]).await;
}

#[tokio::test]
async fn only_the_ports_that_were_named_are_reached() {
    let scene = Scene::new();
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [open, closed] = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
    let network = Network::Tcp { connect: vec![open.port()], bind: vec![] };
    let confinement = Confinement { network, ..scene.confinement() };
    check_allowed(&confinement, &["tcp", &open.to_string()]).await;
    check(&confinement, &["tcp", &closed.to_string()]).await;
    check(&confinement, &["fast-open", &closed.port().to_string()]).await;
    check(&confinement, &["multipath", &closed.port().to_string()]).await;
    check(&confinement, &["listen", "127.0.0.1:0"]).await;
    check(&confinement, &["listen-unbound"]).await;
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    check(&confinement, &["udp", &udp]).await;
}

#[tokio::test]
async fn a_port_to_listen_on_is_that_one_only() {
    let scene = Scene::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let network = Network::Tcp { connect: vec![], bind: vec![free.port()] };
    let confinement = Confinement { network, ..scene.confinement() };
    check_allowed(&confinement, &["listen", &free.to_string()]).await;
    check_refused(&confinement, &["listen", "127.0.0.1:0"]).await;
}

#[tokio::test]
async fn the_whole_network_is_still_no_raw_socket() {
    let scene = Scene::new();
    let confinement = Confinement { network: Network::All, ..scene.confinement() };
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    check_allowed(&confinement, &["udp", &udp]).await;
    check_allowed(&confinement, &["listen", "127.0.0.1:0"]).await;
    for (family, kind) in [("2", "3"), ("10", "3"), ("17", "3"), ("40", "1"), ("1", "1")] {
        check_refused(&confinement, &["socket", family, kind]).await;
    }
}

#[tokio::test]
async fn services_behind_unix_sockets_are_not_reached() {
    let scene = Scene::new();
    let confinement = scene.confinement();
    let (stream, datagram) = (scene.path("home/stream"), scene.path("home/datagram"));
    let _stream = UnixListener::bind(&stream).unwrap();
    let _datagram = UnixDatagram::bind(&datagram).unwrap();
    let name = format!("drawbridge-test-{}", std::process::id());
    let _abstract = abstract_listener(&name);
    check(&confinement, &["unix", &stream]).await;
    check(&confinement, &["abstract", &name]).await;
    check(&confinement, &["pair-to", &datagram]).await;
    // Where Unix sockets are allowed, those without a path in the file system still are out of reach.
    let confinement = Confinement { unix_sockets: true, ..confinement };
    check_refused(&confinement, &["abstract", &name]).await;
}

fn abstract_listener(name: &str) -> UnixListener {
    use std::os::linux::net::SocketAddrExt;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
    UnixListener::bind_addr(&address).unwrap()
}

#[tokio::test]
async fn processes_outside_are_out_of_reach() {
    let scene = Scene::new();
    let confinement = scene.confinement();
    for action in ["signal", "pidfd-signal", "ptrace", "memory", "environment"] {
        // A fresh one for each, because the unconfined attempt ends or halts it.
        let mut bystander = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = bystander.id().to_string();
        check_refused(&confinement, &[action, &pid]).await;
        assert!(bystander.try_wait().unwrap().is_none(), "{action} ended it");
        assert_eq!(outcome(attempt(&[action, &pid])).await, "done", "unconfined: {action}");
        bystander.kill().unwrap();
        bystander.wait().unwrap();
    }
    check_refused(&confinement, &["root-of", &std::process::id().to_string(), &scene.key()]).await;
}

#[tokio::test]
async fn dangerous_system_calls_are_refused() {
    let scene = Scene::new();
    let confinement = scene.confinement();
    for name in [
        "mount",
        "unshare",
        "clone-user",
        "clone3",
        "io_uring",
        "bpf",
        "keyctl",
        "userfaultfd",
        "perf",
        "chroot",
        "setns",
        "pivot",
        "module",
        "handle",
        #[cfg(target_arch = "x86_64")]
        "x32",
    ] {
        let got = outcome(attempt(&["call", name]).confined(confinement.clone())).await;
        let expected = match name {
            "clone3" | "io_uring" | "x32" => "os error 38",
            _ => "os error 1)",
        };
        assert!(got.starts_with("refused") && got.contains(expected), "{name}: {got}");
    }
}

#[tokio::test]
async fn nobody_types_on_the_terminal_in_its_users_place() {
    let scene = Scene::new();
    let on_a_terminal = |launch: Launch| launch.streams(Streams::Terminal(Default::default()));
    let launch = on_a_terminal(attempt(&["type"]).confined(scene.confinement()));
    let mut child = Sandbox::new().launch(launch).await.unwrap();
    let mut shown = String::new();
    let mut terminal = child.terminal.take().unwrap();
    tokio::io::AsyncReadExt::read_to_string(&mut terminal, &mut shown).await.unwrap();
    finish(child).await;
    assert!(shown.contains("refused"), "{shown}");
}

#[tokio::test]
async fn the_walls_stand_for_every_descendant() {
    let scene = Scene::new();
    let line = format!("setsid sh -c '(cat {key} &) ; sleep 0.1; exec cat {key}'", key = scene.key());
    let (output, errors, ended) = run(shell(&line).confined(scene.confinement())).await.unwrap();
    assert_eq!(output, "");
    assert!(!ended.success() && errors.matches("ermission denied").count() == 2, "{errors}");
}

#[tokio::test]
async fn a_program_that_may_not_be_read_is_not_run() {
    let scene = Scene::new();
    let program = scene.path("home/program");
    fs::copy("/bin/true", &program).unwrap();
    assert!(run(Launch::new(&program)).await.unwrap().2.success());
    let error = run(Launch::new(&program).confined(scene.confinement())).await.unwrap_err().to_string();
    assert!(error.contains("the confinement has to let it be read"), "{error}");
}

#[tokio::test]
async fn what_is_declared_and_not_there_is_reported() {
    let scene = Scene::new();
    let mut confinement = scene.confinement();
    let nowhere = PathBuf::from(scene.path("nowhere"));
    confinement.write.push(nowhere.clone());
    let child = Sandbox::new().launch(Launch::new("true").confined(confinement)).await.unwrap();
    assert_eq!(child.report().missing, [nowhere]);
    assert!(child.report().confined && child.report().landlock_abi > 0);
    finish(child).await;
}

#[tokio::test]
async fn files_and_nested_folders_can_be_declared_one_by_one() {
    let scene = Scene::new();
    fs::create_dir(scene.path("home/open")).unwrap();
    fs::write(scene.path("home/open/file"), "x").unwrap();
    let mut confinement = scene.confinement();
    confinement.write.extend([scene.path("home/open/file"), scene.path("inside/own")].map(PathBuf::from));
    confinement.read.push(scene.path("home/open").into());
    check_allowed(&confinement, &["append", &scene.path("home/open/file")]).await;
    check_allowed(&confinement, &["chmod", &scene.path("inside/own")]).await;
    check_allowed(&confinement, &["list", &scene.path("home/open")]).await;
    check_refused(&confinement, &["write", &scene.path("home/open/new")]).await;
    check_refused(&confinement, &["list", &scene.path("home")]).await;
}

#[tokio::test]
async fn shared_memory_is_shared_with_nobody() {
    let scene = Scene::new();
    let theirs = tempfile::NamedTempFile::new_in("/dev/shm").unwrap();
    let line = "ls -A /dev/shm | wc -l; echo x > /dev/shm/own; cat /dev/shm/own";
    let (output, errors, _) = run(shell(line).confined(scene.confinement())).await.unwrap();
    assert_eq!(output, "0\nx\n", "{errors}");
    check(&scene.confinement(), &["read", theirs.path().to_str().unwrap()]).await;
    assert!(!Path::new("/dev/shm/own").exists());
}

/// This machine's kernel holds everything, so a kernel that does not is played by asking for what no kernel gives root.
#[tokio::test]
async fn a_gap_refuses_what_is_required_and_is_named_where_it_is_preferred() {
    let sandbox = Sandbox::new();
    let support = sandbox.support().await.unwrap();
    if !support.root {
        return;
    }
    let scene = Scene::new();
    let launch = |mode| {
        let mut launch = Launch::new("true").confined(Confinement { mode, ..scene.confinement() });
        launch.limits.processes = Some(100);
        launch
    };
    let error = sandbox.launch(launch(Mode::Required)).await.unwrap_err().to_string();
    assert!(error.contains("required") && error.contains("number of processes"), "{error}");
    let child = sandbox.launch(launch(Mode::Preferred)).await.unwrap();
    assert_eq!(child.report().gaps, [Gap::Processes]);
    assert!(finish(child).await.2.success());
}

#[tokio::test]
async fn the_working_folder_is_a_handle_and_stays_what_it_was() {
    let scene = Scene::new();
    let inside = Path::new(&scene.path("inside")).to_owned();
    let handle = std::os::fd::OwnedFd::from(fs::File::open(&inside).unwrap());
    fs::rename(&inside, scene.path("moved")).unwrap();
    fs::create_dir(&inside).unwrap();
    let mut launch = shell("cat own");
    launch.directory = drawbridge_sandbox::Directory::Handle(handle.try_clone().unwrap());
    assert_eq!(run(launch).await.unwrap().0, "own");
    let mut launch = shell("cat own").confined(Confinement::folder(scene.path("moved")));
    launch.directory = drawbridge_sandbox::Directory::Handle(handle);
    assert_eq!(run(launch).await.unwrap().0, "own");
}
