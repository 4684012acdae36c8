//! Open files travel from the hub to the keeper beside a message of one byte.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// What a guard gets: its connection to the hub, the working folder, input, output, errors.
pub(super) const COUNT: usize = 5;

const SPACE: usize = rustix::cmsg_space!(ScmRights(COUNT));

/// Sends descriptors for one guard, without waiting.
///
/// # Errors
/// `WouldBlock` while the keeper is behind; `BrokenPipe` when there is none any more.
pub(super) fn send(socket: impl AsFd, descriptors: &[BorrowedFd<'_>; COUNT]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(socket, &[IoSlice::new(&[0])], &mut control, flags)?;
    Ok(())
}

/// What arrived at the keeper.
pub(super) enum Received {
    /// Descriptors for a guard.
    Guard([OwnedFd; COUNT]),
    /// Something that lacks some: there was no room for so many open files.
    Incomplete,
    /// The hub is gone.
    Closed,
}

/// Takes the descriptors of the next guard.
pub(super) fn receive(socket: impl AsFd) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let message = recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let descriptors: Vec<OwnedFd> = control
        .drain()
        .flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
            _ => Vec::new(),
        })
        .collect();
    Ok(match descriptors.try_into() {
        Ok(descriptors) => Received::Guard(descriptors),
        Err(_) if message.bytes == 0 => Received::Closed,
        Err(_) => Received::Incomplete,
    })
}
