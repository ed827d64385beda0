//! A TUN device inside another network namespace, read and written from this process.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

/// Largest packet that is read from a device; the devices keep their default MTU of 1,500.
pub const PACKET_BYTES: usize = 65_536;

/// The device lives as long as this value.
pub struct Tun(File);

impl Tun {
    /// Makes `device` in the namespace that `namespace` (a file such as /run/netns/NAME) stands for.
    /// The calling thread is back in its own namespace afterwards, also when this fails.
    pub fn create(namespace: &str, device: &str) -> io::Result<Tun> {
        if device.is_empty() || device.len() >= libc::IFNAMSIZ {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{device:?} is no interface name")));
        }
        let home = File::open("/proc/self/ns/net")?;
        let there = File::open(namespace)?;
        enter(&there)?;
        // A TUN file belongs to the namespace in which it was opened, and its device is made there.
        let opened = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun");
        let made = opened.and_then(|file| name_device(&file, device).map(|()| file));
        enter(&home)?;
        Ok(Tun(made?))
    }

    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// The next packet, or `None` when there is none now.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.0.read(buffer) {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Hands a packet to the namespace; one that its kernel does not take (interface down, queue full) is gone.
    pub fn deliver(&mut self, packet: &[u8]) {
        let _ = self.0.write(packet);
    }
}

fn enter(namespace: &File) -> io::Result<()> {
    // SAFETY: setns takes an open descriptor and a flag; it touches no memory of ours.
    check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) })
}

fn name_device(file: &File, device: &str) -> io::Result<()> {
    // SAFETY: ifreq is a plain C structure, for which all zeros are a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(device.bytes()) {
        *slot = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which outlives the call; the name is shorter than its field.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &mut request) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
