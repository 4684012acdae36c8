//! What the hub and a guard say to each other. The hub sends one [`Request`], later [`Order`]s; the guard answers
//! with one [`Reply`] and, if it started something, with an [`Ended`] at its end.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::wire::{Malformed, Reader, Writer};
use crate::{
    Cause, Confinement, Ended, Exit, Gap, Mode, Namespaces, Network, ProcessLimits, Report, Signal, Support,
};

/// What a guard is asked first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// What the kernel can do.
    Probe,
    /// To start a program. Its folder and streams come as descriptors.
    Start(Box<Start>),
}

/// A program to start.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) confinement: Option<Confinement>,
    pub(super) new_privileges: bool,
    pub(super) limits: ProcessLimits,
    /// Whether the streams are a terminal, to become the controlling one.
    pub(super) terminal: bool,
}

/// What a guard answers first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Support(Support),
    Started { pid: u32, report: Report },
    Failed(Failure),
}

/// Why nothing was started.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The program could not be executed, with this error number.
    Program(i32),
    /// These gaps, and the confinement is required.
    Refused(Vec<Gap>),
    /// This step failed, with this error number.
    Setup { step: String, errno: i32 },
}

/// What a guard is told while the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// To send the program's group a signal.
    Signal(Signal),
    /// To send a signal, and to end everything when this time has passed.
    Stop(Signal, Duration),
}

/// An order is always this long.
pub(super) const ORDER_BYTES: usize = 16;

/// The grace of an order that is only a signal.
const FOREVER: u64 = u64::MAX;

impl Order {
    pub(super) fn encode(self) -> [u8; ORDER_BYTES] {
        let (signal, grace) = match self {
            Self::Signal(signal) => (signal, FOREVER),
            Self::Stop(signal, grace) => (signal, millis(grace)),
        };
        let index = Signal::ALL.iter().position(|(known, _)| *known == signal).unwrap_or_default();
        let mut bytes = [0; ORDER_BYTES];
        bytes[..8].copy_from_slice(&(index as u64).to_le_bytes());
        bytes[8..].copy_from_slice(&grace.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: [u8; ORDER_BYTES]) -> Result<Self, Malformed> {
        let mut reader = Reader(&bytes);
        let signal = from_index(&Signal::ALL, reader.number()?)?.0;
        Ok(match reader.number()? {
            FOREVER => Self::Signal(signal),
            grace => Self::Stop(signal, Duration::from_millis(grace)),
        })
    }
}

impl Request {
    /// `None` if it is too long to be sent.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut writer = Writer::new();
        match self {
            Self::Probe => writer.number(0),
            Self::Start(start) => start.write(writer.number(1)),
        };
        writer.finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        let request = match reader.number()? {
            0 => Self::Probe,
            1 => Self::Start(Box::new(Start::read(&mut reader)?)),
            _ => return Err(Malformed),
        };
        reader.end()?;
        Ok(request)
    }
}

impl Start {
    fn write<'w>(&self, writer: &'w mut Writer) -> &'w mut Writer {
        writer.text(&self.program).list(&self.arguments, |writer, word| {
            writer.text(word);
        });
        writer.list(&self.environment, |writer, (name, value)| {
            writer.text(name).text(value);
        });
        match &self.confinement {
            None => writer.number(0),
            Some(confinement) => write_confinement(writer.number(1), confinement),
        };
        writer.number(self.new_privileges.into());
        write_limits(writer, &self.limits).number(self.terminal.into())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            program: reader.text()?.into(),
            arguments: reader.list(Reader::text)?,
            environment: reader.list(|reader| Ok((reader.text()?, reader.text()?)))?,
            confinement: if reader.flag()? { Some(read_confinement(reader)?) } else { None },
            new_privileges: reader.flag()?,
            limits: read_limits(reader)?,
            terminal: reader.flag()?,
        })
    }
}

fn write_confinement<'w>(writer: &'w mut Writer, confinement: &Confinement) -> &'w mut Writer {
    let path = |writer: &mut Writer, path: &PathBuf| {
        writer.text(path);
    };
    writer.number((confinement.mode == Mode::Preferred).into());
    writer.list(&confinement.read, path).list(&confinement.write, path);
    write_network(writer, &confinement.network);
    writer.number(confinement.unix_sockets.into()).number(confinement.metadata.into())
}

fn read_confinement(reader: &mut Reader<'_>) -> Result<Confinement, Malformed> {
    Ok(Confinement {
        mode: if reader.flag()? { Mode::Preferred } else { Mode::Required },
        read: reader.list(|reader| Ok(reader.text()?.into()))?,
        write: reader.list(|reader| Ok(reader.text()?.into()))?,
        network: read_network(reader)?,
        unix_sockets: reader.flag()?,
        metadata: reader.flag()?,
    })
}

fn write_network(writer: &mut Writer, network: &Network) {
    let port = |writer: &mut Writer, port: &u16| {
        writer.number((*port).into());
    };
    match network {
        Network::None => writer.number(0),
        Network::Tcp { connect, bind } => writer.number(1).list(connect, port).list(bind, port),
        Network::All => writer.number(2),
    };
}

fn read_network(reader: &mut Reader<'_>) -> Result<Network, Malformed> {
    let port = |reader: &mut Reader<'_>| u16::try_from(reader.number()?).map_err(|_| Malformed);
    match reader.number()? {
        0 => Ok(Network::None),
        1 => Ok(Network::Tcp { connect: reader.list(port)?, bind: reader.list(port)? }),
        2 => Ok(Network::All),
        _ => Err(Malformed),
    }
}

fn write_limits<'w>(writer: &'w mut Writer, limits: &ProcessLimits) -> &'w mut Writer {
    writer.optional(limits.cpu_seconds).optional(limits.memory_bytes).optional(limits.open_files);
    writer.optional(limits.processes).optional(limits.file_bytes);
    writer.optional(limits.timeout.map(millis)).number(millis(limits.grace))
}

fn read_limits(reader: &mut Reader<'_>) -> Result<ProcessLimits, Malformed> {
    Ok(ProcessLimits {
        cpu_seconds: reader.optional()?,
        memory_bytes: reader.optional()?,
        open_files: reader.optional()?,
        processes: reader.optional()?,
        file_bytes: reader.optional()?,
        timeout: reader.optional()?.map(Duration::from_millis),
        grace: Duration::from_millis(reader.number()?),
    })
}

impl Reply {
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let mut writer = Writer::new();
        match self {
            Self::Support(support) => write_support(writer.number(0), support),
            Self::Started { pid, report } => write_report(writer.number(1).number((*pid).into()), report),
            Self::Failed(Failure::Program(errno)) => writer.number(2).number(u64::from(errno.unsigned_abs())),
            Self::Failed(Failure::Refused(gaps)) => write_gaps(writer.number(3), gaps),
            Self::Failed(Failure::Setup { step, errno }) => {
                writer.number(4).text(step).number(u64::from(errno.unsigned_abs()))
            }
        };
        writer.finish()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader(bytes);
        let reply = match reader.number()? {
            0 => Self::Support(read_support(&mut reader)?),
            1 => Self::Started { pid: small(&mut reader)?, report: read_report(&mut reader)? },
            2 => Self::Failed(Failure::Program(errno(&mut reader)?)),
            3 => Self::Failed(Failure::Refused(read_gaps(&mut reader)?)),
            4 => Self::Failed(Failure::Setup {
                step: reader.text()?.to_string_lossy().into_owned(),
                errno: errno(&mut reader)?,
            }),
            _ => return Err(Malformed),
        };
        reader.end()?;
        Ok(reply)
    }
}

/// The end of a launch, written.
pub(super) fn encode_ended(ended: &Ended) -> Option<Vec<u8>> {
    let (kind, value) = match ended.exit {
        Exit::Code(code) => (0, code),
        Exit::Signal(signal) => (1, signal),
    };
    let cause = match ended.cause {
        Cause::Itself => 0,
        Cause::TimedOut => 1,
        Cause::Stopped => 2,
    };
    let mut writer = Writer::new();
    writer.number(kind).number(u64::from(value.unsigned_abs())).number(cause);
    writer.number(micros(ended.duration)).number(micros(ended.cpu)).number(ended.memory_bytes);
    writer.number(ended.strays.into()).number(ended.left.into());
    writer.finish()
}

/// The end of a launch, read.
pub(super) fn decode_ended(bytes: &[u8]) -> Result<Ended, Malformed> {
    let mut reader = Reader(bytes);
    let kind = reader.flag()?;
    let value = errno(&mut reader)?;
    Ok(Ended {
        exit: if kind { Exit::Signal(value) } else { Exit::Code(value) },
        cause: from_index(&[Cause::Itself, Cause::TimedOut, Cause::Stopped], reader.number()?)?,
        duration: Duration::from_micros(reader.number()?),
        cpu: Duration::from_micros(reader.number()?),
        memory_bytes: reader.number()?,
        strays: small(&mut reader)?,
        left: small(&mut reader)?,
    })
}

fn write_support<'w>(writer: &'w mut Writer, support: &Support) -> &'w mut Writer {
    let namespaces = match support.namespaces {
        Namespaces::None => 0,
        Namespaces::User => 1,
        Namespaces::Privileged => 2,
    };
    writer.number(support.landlock_abi.into()).number(support.seccomp.into());
    writer.number(namespaces).number(support.root.into()).number(support.group.into())
}

fn read_support(reader: &mut Reader<'_>) -> Result<Support, Malformed> {
    let namespaces = [Namespaces::None, Namespaces::User, Namespaces::Privileged];
    Ok(Support {
        landlock_abi: small(reader)?,
        seccomp: reader.flag()?,
        namespaces: from_index(&namespaces, reader.number()?)?,
        root: reader.flag()?,
        group: reader.flag()?,
    })
}

fn write_report<'w>(writer: &'w mut Writer, report: &Report) -> &'w mut Writer {
    writer.number(report.confined.into()).number(report.landlock_abi.into());
    write_gaps(writer, &report.gaps).list(&report.missing, |writer, path| {
        writer.text(path);
    })
}

fn read_report(reader: &mut Reader<'_>) -> Result<Report, Malformed> {
    Ok(Report {
        confined: reader.flag()?,
        landlock_abi: small(reader)?,
        gaps: read_gaps(reader)?,
        missing: reader.list(|reader| Ok(reader.text()?.into()))?,
    })
}

fn write_gaps<'w>(writer: &'w mut Writer, gaps: &[Gap]) -> &'w mut Writer {
    writer.list(gaps, |writer, gap| {
        let index = Gap::ALL.iter().position(|known| known == gap).unwrap_or_default();
        writer.number(index as u64);
    })
}

fn read_gaps(reader: &mut Reader<'_>) -> Result<Vec<Gap>, Malformed> {
    reader.list(|reader| from_index(&Gap::ALL, reader.number()?))
}

fn from_index<T: Copy>(all: &[T], index: u64) -> Result<T, Malformed> {
    usize::try_from(index).ok().and_then(|index| all.get(index)).copied().ok_or(Malformed)
}

fn small(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    u32::try_from(reader.number()?).map_err(|_| Malformed)
}

fn errno(reader: &mut Reader<'_>) -> Result<i32, Malformed> {
    i32::try_from(reader.number()?).map_err(|_| Malformed)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(FOREVER - 1).min(FOREVER - 1)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::wire::{LENGTH_BYTES, MESSAGE_BYTES_MAX, length};
    use super::*;
    use proptest::prelude::*;

    /// A message as it arrives: its length says how long it is.
    fn body(message: Option<Vec<u8>>) -> Vec<u8> {
        let message = message.unwrap();
        let (before, body) = message.split_first_chunk::<LENGTH_BYTES>().unwrap();
        assert_eq!(length(*before), Ok(body.len()));
        body.to_vec()
    }

    fn start() -> Start {
        use std::os::unix::ffi::OsStringExt;
        let strange = OsString::from_vec(vec![b'a', 0xff, b'\n']);
        Start {
            program: "/bin/true".into(),
            arguments: vec!["".into(), strange.clone()],
            environment: vec![("A".into(), strange)],
            confinement: Some(Confinement {
                mode: Mode::Preferred,
                network: Network::Tcp { connect: vec![0, 65535], bind: vec![80] },
                ..Confinement::folder("/work")
            }),
            new_privileges: false,
            limits: ProcessLimits { timeout: Some(Duration::from_millis(1)), ..ProcessLimits::default() },
            terminal: true,
        }
    }

    fn check_reply(reply: &Reply) {
        assert_eq!(Reply::decode(&body(reply.encode())).as_ref(), Ok(reply));
    }

    #[test]
    fn requests_come_back_as_they_were() {
        for request in [Request::Probe, Request::Start(Box::new(start()))] {
            assert_eq!(Request::decode(&body(request.encode())), Ok(request));
        }
        let bare = Start { confinement: None, limits: ProcessLimits::default(), ..start() };
        let request = Request::Start(Box::new(bare));
        assert_eq!(Request::decode(&body(request.encode())), Ok(request));
    }

    #[test]
    fn replies_come_back_as_they_were() {
        check_reply(&Reply::Support(Support {
            landlock_abi: 7,
            seccomp: true,
            group: true,
            ..Support::default()
        }));
        let report =
            Report { confined: true, landlock_abi: 6, gaps: Gap::ALL.to_vec(), missing: vec!["/x".into()] };
        check_reply(&Reply::Started { pid: 77, report });
        check_reply(&Reply::Failed(Failure::Program(13)));
        check_reply(&Reply::Failed(Failure::Refused(vec![Gap::Files])));
        check_reply(&Reply::Failed(Failure::Setup { step: "limits".into(), errno: 1 }));
    }

    #[test]
    fn ends_and_orders_come_back_as_they_were() {
        for (exit, cause) in [
            (Exit::Code(0), Cause::Itself),
            (Exit::Code(255), Cause::TimedOut),
            (Exit::Signal(9), Cause::Stopped),
        ] {
            let ended = Ended {
                exit,
                cause,
                duration: Duration::from_millis(1234),
                cpu: Duration::from_micros(5),
                memory_bytes: 1 << 40,
                strays: 3,
                left: 1,
            };
            assert_eq!(decode_ended(&body(encode_ended(&ended))), Ok(ended));
        }
        for (signal, _) in Signal::ALL {
            for order in [Order::Signal(signal), Order::Stop(signal, Duration::ZERO)] {
                assert_eq!(Order::decode(order.encode()), Ok(order));
            }
        }
    }

    #[test]
    fn the_longest_message_fits_and_one_byte_more_does_not() {
        let with = |bytes: usize| {
            let small = Request::Start(Box::new(start())).encode().unwrap().len() - LENGTH_BYTES;
            let word = OsString::from("x".repeat(bytes - small - 8));
            let mut start = start();
            start.arguments.push(word);
            Request::Start(Box::new(start)).encode()
        };
        assert!(with(MESSAGE_BYTES_MAX).is_some());
        assert!(with(MESSAGE_BYTES_MAX + 1).is_none());
    }

    proptest! {
        #[test]
        fn garbage_is_malformed_and_nothing_worse(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Request::decode(&bytes);
            let _ = Reply::decode(&bytes);
            let _ = decode_ended(&bytes);
        }

        #[test]
        fn a_message_that_was_cut_is_malformed(keep in 0.0..1.0_f64) {
            let whole = body(Request::Start(Box::new(start())).encode());
            let cut = (whole.len() as f64 * keep) as usize;
            prop_assert_eq!(Request::decode(&whole[..cut]), Err(Malformed));
        }
    }
}
