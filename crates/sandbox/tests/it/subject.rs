//! What a child of ours does in the tests: the test's own program, started with a word that the harness never sees. It
//! tries one thing and prints `done`, or `refused` with the error.
#![expect(unsafe_code, reason = "attacks are system calls, and they run before main")]

use std::ffi::CString;
use std::io;
use std::net::{TcpStream, UdpSocket};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::exit;
use std::time::Duration;
use std::{env, fs, ptr};

/// The first argument of such a child.
pub(crate) const WORD: &str = "__subject";

// SAFETY: the linker's table holds functions of this signature; this one returns, or ends the process.
#[unsafe(link_section = ".init_array")]
#[used]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    drawbridge_sandbox::helper_main();
    let words: Vec<String> =
        env::args_os().map(|word| String::from_utf8_lossy(&word.into_vec()).into_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let [_, WORD, action, rest @ ..] = words.as_slice() else { return };
    match act(action, rest) {
        Ok(()) => println!("done"),
        Err(error) => println!("refused: {error}"),
    }
    exit(0)
}

fn act(action: &str, words: &[&str]) -> io::Result<()> {
    match (action, words) {
        ("hub", [children, mark]) => super::hub_killed::be_a_hub(children.parse().unwrap(), mark),
        ("stay", [protection]) => stay(*protection == "protected"),
        ("read", [path]) => fs::read(path).map(drop),
        ("list", [path]) => fs::read_dir(path).map(drop),
        ("write", [path]) => fs::write(path, "mine"),
        ("append", [path]) => fs::OpenOptions::new().append(true).open(path).map(drop),
        ("truncate", [path]) => zero(unsafe { libc::truncate(c(path).as_ptr(), 0) }),
        ("remove", [path]) => fs::remove_file(path),
        ("rename", [from, to]) => fs::rename(from, to),
        ("hard-link", [from, to]) => fs::hard_link(from, to),
        ("through-link", [target, link]) => {
            symlink(target, link)?;
            fs::read(link).map(drop)
        }
        ("chmod", [path]) => fs::set_permissions(path, fs::Permissions::from_mode(0o777)),
        ("chown", [path]) => std::os::unix::fs::chown(path, Some(unsafe { libc::geteuid() }), None),
        ("touch", [path]) => {
            zero(unsafe { libc::utimensat(libc::AT_FDCWD, c(path).as_ptr(), ptr::null(), 0) })
        }
        ("attribute", [path]) => {
            let (name, flags) = (c"user.mine", 0);
            zero(unsafe { libc::setxattr(c(path).as_ptr(), name.as_ptr(), name.as_ptr().cast(), 1, flags) })
        }
        ("device", [path]) => {
            zero(unsafe { libc::mknod(c(path).as_ptr(), libc::S_IFCHR | 0o666, libc::makedev(1, 3)) })
        }
        ("tcp", [address]) => TcpStream::connect(address).map(drop),
        ("listen", [address]) => std::net::TcpListener::bind(address).map(drop),
        ("listen-unbound", []) => listen_unbound(),
        ("udp", [address]) => UdpSocket::bind("127.0.0.1:0")?.send_to(b"mine", address).map(drop),
        ("fast-open", [port]) => fast_open(port.parse().unwrap()),
        ("multipath", [port]) => connect(libc::IPPROTO_MPTCP, port.parse().unwrap()),
        ("socket", [family, kind]) => {
            let (family, kind) = (family.parse().unwrap(), kind.parse().unwrap());
            zero(unsafe { libc::socket(family, kind, 0) }.min(0))
        }
        ("unix", [path]) => UnixStream::connect(path).map(drop),
        ("abstract", [name]) => {
            use std::os::linux::net::SocketAddrExt;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            UnixStream::connect_addr(&address).map(drop)
        }
        ("pair-to", [path]) => UnixDatagram::pair()?.0.send_to(b"mine", path).map(drop),
        ("pair", []) => UnixStream::pair().map(drop),
        ("signal", [pid]) => zero(unsafe { libc::kill(pid.parse().unwrap(), libc::SIGKILL) }),
        ("pidfd-signal", [pid]) => pidfd_signal(pid.parse().unwrap()),
        ("ptrace", [pid]) => {
            let none = ptr::null_mut::<libc::c_void>();
            long(unsafe { libc::ptrace(libc::PTRACE_ATTACH, pid.parse::<i32>().unwrap(), none, none) })
        }
        ("memory", [pid]) => fs::File::open(format!("/proc/{pid}/mem")).map(drop),
        ("environment", [pid]) => fs::read(format!("/proc/{pid}/environ")).map(drop),
        ("root-of", [pid, path]) => fs::read(format!("/proc/{pid}/root{path}")).map(drop),
        ("type", []) => zero(unsafe { libc::ioctl(0, libc::TIOCSTI, c"x".as_ptr()) }),
        ("call", [name]) => call(name),
        ("files", []) => files(),
        ("allocate", [megabytes]) => allocate(megabytes.parse().unwrap()),
        ("open", [count]) => (0..count.parse().unwrap())
            .map(|_: u32| fs::File::open("/dev/null"))
            .collect::<io::Result<Vec<_>>>()
            .map(drop),
        ("fork", [count]) => fork_and_keep(count.parse().unwrap()),
        ("hop", [mark]) => hop(mark),
        _ => panic!("no such action: {action} {words:?}"),
    }
}

/// Prints a line and stays.
fn stay(protected: bool) -> io::Result<()> {
    if protected {
        drawbridge_sandbox::protect()?;
    }
    println!("here");
    std::thread::sleep(Duration::from_secs(1000));
    Ok(())
}

/// A system call that no confined program may make. What it is called with matters only where the call would otherwise
/// fail in the same way.
fn call(name: &str) -> io::Result<()> {
    let path = c"/tmp";
    let none = ptr::null_mut::<libc::c_void>();
    long(unsafe {
        match name {
            "mount" => libc::mount(none.cast(), path.as_ptr(), c"tmpfs".as_ptr(), 0, none).into(),
            "unshare" => libc::unshare(libc::CLONE_NEWUSER).into(),
            "clone-user" => clone(libc::CLONE_NEWUSER),
            "clone3" => libc::syscall(libc::SYS_clone3, none, 0),
            "io_uring" => libc::syscall(libc::SYS_io_uring_setup, 1, [0_u64; 16].as_mut_ptr()),
            "bpf" => libc::syscall(libc::SYS_bpf, 0, [0_u64; 16].as_mut_ptr(), 64),
            "keyctl" => libc::syscall(libc::SYS_keyctl, 0, -3, 0),
            "userfaultfd" => libc::syscall(libc::SYS_userfaultfd, 1),
            "perf" => libc::syscall(libc::SYS_perf_event_open, [0_u64; 16].as_mut_ptr(), 0, -1, -1, 0),
            "chroot" => libc::chroot(path.as_ptr()).into(),
            "setns" => libc::setns(0, 0).into(),
            "x32" => libc::syscall(libc::SYS_getpid | 0x4000_0000),
            "pivot" => libc::syscall(libc::SYS_pivot_root, path.as_ptr(), path.as_ptr()),
            "module" => libc::syscall(libc::SYS_init_module, none, 0, c"".as_ptr()),
            "handle" => libc::syscall(libc::SYS_open_by_handle_at, libc::AT_FDCWD, [0_u64; 4].as_ptr(), 0),
            _ => panic!("no such call: {name}"),
        }
    })
}

/// Forks with a flag; the child ends at once.
unsafe fn clone(flag: libc::c_int) -> libc::c_long {
    let none = ptr::null_mut::<libc::c_void>();
    let flags = libc::c_long::from(flag | libc::SIGCHLD);
    match unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) } {
        0 => exit(0),
        pid => pid,
    }
}

fn listen_unbound() -> io::Result<()> {
    let socket = descriptor(unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) })?;
    zero(unsafe { libc::listen(socket, 1) })
}

fn loopback(port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        sin_zero: [0; 8],
    }
}

fn fast_open(port: u16) -> io::Result<()> {
    let socket = descriptor(unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) })?;
    let address = loopback(port);
    let sent = unsafe {
        libc::sendto(
            socket,
            c"x".as_ptr().cast(),
            1,
            libc::MSG_FASTOPEN,
            (&raw const address).cast(),
            size_of_val(&address) as u32,
        )
    };
    long(sent as libc::c_long)
}

fn connect(protocol: libc::c_int, port: u16) -> io::Result<()> {
    let socket = descriptor(unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, protocol) })?;
    let address = loopback(port);
    zero(unsafe { libc::connect(socket, (&raw const address).cast(), size_of_val(&address) as u32) })
}

fn pidfd_signal(pid: libc::c_long) -> io::Result<()> {
    let process = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    long(process)?;
    let none = ptr::null_mut::<libc::c_void>();
    long(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process, libc::SIGKILL, none, 0) })
}

/// Prints which files this process has open.
fn files() -> io::Result<()> {
    // The folder that is being listed is one of them.
    let mut open: Vec<u32> = fs::read_dir("/proc/self/fd")?
        .flatten()
        .filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| !target.ends_with("fd")))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    open.sort_unstable();
    println!("{open:?}");
    Ok(())
}

fn allocate(megabytes: usize) -> io::Result<()> {
    let mut memory: Vec<u8> = Vec::new();
    memory.try_reserve_exact(megabytes << 20).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    // Written to, so that the kernel gives it.
    memory.resize(megabytes << 20, 1);
    assert_eq!(memory.iter().rev().step_by(1 << 20).map(|byte| usize::from(*byte)).sum::<usize>(), megabytes);
    Ok(())
}

/// Has so many children at once, and prints how many it got.
fn fork_and_keep(count: u32) -> io::Result<()> {
    for got in 0..count {
        match unsafe { libc::fork() } {
            -1 => {
                println!("{got}");
                return Err(io::Error::last_os_error());
            }
            0 => std::thread::sleep(Duration::from_secs(1000)),
            _ => {}
        }
    }
    println!("{count}");
    Ok(())
}

/// Forks and ends, again and again: a process that is never where one looks. It gives up after a minute.
fn hop(_mark: &str) -> io::Result<()> {
    let began = std::time::Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        match unsafe { libc::fork() } {
            -1 => return Err(io::Error::last_os_error()),
            0 => drop(unsafe { libc::setsid() }),
            _ => unsafe { libc::_exit(0) },
        }
    }
    Ok(())
}

fn c(path: &str) -> CString {
    CString::new(Path::new(path).as_os_str().as_encoded_bytes()).unwrap()
}

fn descriptor(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn zero(result: libc::c_int) -> io::Result<()> {
    descriptor(result).map(drop)
}

fn long(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
