//! The virtual Ethernet interface on Linux, read and written with a virtio-net header before each frame.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::mem::zeroed;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;
use crate::frame::{FRAME_HEAD, PARTIAL_HEAD};
use crate::socket::{SEGMENTS_MAX, SEND_MAX};
use crate::wire::{DATA_OVERHEAD, TRANSIT_OVERHEAD};

/// `struct virtio_net_hdr` of <linux/virtio_net.h>: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset.
pub const VNET: usize = 10;
pub const ETHER: usize = 14;
pub const MTU_DEFAULT: u32 = 1_332;

const TUNSETOFFLOAD: libc::c_ulong = 0x4004_54d0;
/// What the kernel may hand over unfinished, best first: checksums, TCP and UDP super-packets (TUN_F_CSUM, TSO4, TSO6,
/// USO4, USO6). Kernels before 6.2 know no USO.
const OFFLOADS: [libc::c_ulong; 4] = [0x67, 0x07, 0x01, 0];
/// Of them those with super-packets of TCP.
const TCP_OFFLOADS: libc::c_ulong = 0x06;
/// Of a super-packet's limit the kernel's TCP leaves so much for headers (MAX_TCP_HEADER of <net/tcp.h> on 64 bits).
const TCP_HEADERS: usize = 320;
/// IPv4 and TCP with timestamps.
const PACKET_HEADERS: usize = 52;
const TUN_EXCL: libc::c_short = 0x8000u16 as libc::c_short;

pub struct TapOptions<'a> {
    pub name: &'a str,
    pub mac: [u8; 6],
    pub mtu: u32,
    pub ip: Ipv4Addr,
    pub prefix: u8,
    /// Whether the kernel hands over super-packets and takes them, as far as it can.
    pub offload: bool,
    /// Whether the DSCP of packets is copied to the datagrams that carry them.
    pub dscp: bool,
}

pub struct Tap {
    fd: OwnedFd,
    pub name: String,
    pub mac: [u8; 6],
    pub mtu: usize,
    pub ip: Ipv4Addr,
    /// Whether the kernel hands over super-packets of TCP.
    offloads: AtomicBool,
    /// Whether packets are joined before they are written: TCP, and UDP. The kernel may turn out not to take the latter.
    pub joins_tcp: bool,
    pub joins_udp: AtomicBool,
    /// Whether it was said that the interface no longer is as it was made.
    pub said_lost: AtomicBool,
}

impl Tap {
    /// Makes the interface, gives it its addresses and takes it up. It is gone when the last reference is.
    pub fn create(options: &TapOptions<'_>) -> Result<Self, Error> {
        let request = Request::new(options.name)?;
        if request.exists() {
            return Err(Error::new("INTERFACE_EXISTS", format!("An interface named {} exists already.", options.name)));
        }
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open("/dev/net/tun")
            .map_err(|error| device_error(&error))?;
        let mut attach = request;
        attach.0.ifr_ifru.ifru_flags =
            (libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as libc::c_short | TUN_EXCL;
        attach.call(device.as_raw_fd(), libc::TUNSETIFF as libc::c_ulong).map_err(|error| {
            if error.raw_os_error() == Some(libc::EBUSY) {
                Error::new("INTERFACE_EXISTS", format!("An interface named {} exists already.", options.name))
            } else {
                privilege_error("make the interface", options.name, &error)
            }
        })?;
        let tap = Self {
            fd: device.into(),
            name: options.name.to_owned(),
            mac: options.mac,
            mtu: options.mtu as usize,
            ip: options.ip,
            offloads: AtomicBool::new(false),
            joins_tcp: options.offload,
            joins_udp: AtomicBool::new(options.offload),
            said_lost: AtomicBool::new(false),
        };
        tap.configure(options).map_err(|error| privilege_error("configure the interface", options.name, &error))?;
        Ok(tap)
    }

    /// An interface made of any descriptor that keeps message boundaries; for tests.
    pub fn from_fd(fd: OwnedFd, mac: [u8; 6], mtu: usize, ip: Ipv4Addr) -> Self {
        Self {
            fd,
            name: String::new(),
            mac,
            mtu,
            ip,
            offloads: AtomicBool::new(true),
            joins_tcp: true,
            joins_udp: AtomicBool::new(true),
            said_lost: AtomicBool::new(false),
        }
    }

    fn configure(&self, options: &TapOptions<'_>) -> io::Result<()> {
        let wanted = if options.offload { &OFFLOADS[..] } else { &OFFLOADS[3..] };
        // SAFETY: the request takes its bits by value.
        let taken =
            wanted.iter().find(|bits| unsafe { libc::ioctl(self.fd.as_raw_fd(), TUNSETOFFLOAD as _, **bits) } == 0);
        let taken = taken.ok_or_else(io::Error::last_os_error)?;
        self.offloads.store(taken & TCP_OFFLOADS == TCP_OFFLOADS, Ordering::Relaxed);
        if options.offload {
            // A kernel that does not take the limit sends the rest of each super-packet as a message of its own.
            let _ = crate::netlink::set_gso_max_size(options.name, super_packet_max(options.mtu as usize));
        }
        // No address of its own making: neither router advertisements nor link-local. Kernels without IPv6 lack the files.
        for (file, value) in [("accept_ra", "0"), ("autoconf", "0"), ("addr_gen_mode", "1"), ("accept_dad", "0")] {
            let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{}/{file}", options.name), value);
        }
        let socket = control_socket()?;
        let fd = socket.as_raw_fd();
        let request = || Request::new(options.name).map_err(|error| io::Error::other(error.text));

        let mut mac = request()?;
        // SAFETY: the union member is the one of this request.
        unsafe {
            mac.0.ifr_ifru.ifru_hwaddr.sa_family = libc::ARPHRD_ETHER;
            for (out, byte) in mac.0.ifr_ifru.ifru_hwaddr.sa_data.iter_mut().zip(options.mac) {
                *out = byte as libc::c_char;
            }
        }
        mac.call(fd, libc::SIOCSIFHWADDR as libc::c_ulong)?;

        let mut mtu = request()?;
        mtu.0.ifr_ifru.ifru_mtu = options.mtu as libc::c_int;
        mtu.call(fd, libc::SIOCSIFMTU as libc::c_ulong)?;

        let mut address = request()?;
        address.set_ipv4(options.ip);
        address.call(fd, libc::SIOCSIFADDR as libc::c_ulong)?;
        let mut mask = request()?;
        mask.set_ipv4(Ipv4Addr::from(u32::MAX.checked_shl(32 - u32::from(options.prefix)).unwrap_or(0)));
        mask.call(fd, libc::SIOCSIFNETMASK as libc::c_ulong)?;

        let mut flags = request()?;
        flags.call(fd, libc::SIOCGIFFLAGS as libc::c_ulong)?;
        // SAFETY: the request just filled this member.
        unsafe { flags.0.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short };
        flags.call(fd, libc::SIOCSIFFLAGS as libc::c_ulong)
    }

    pub fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Whether super-packets of TCP cross the interface whole.
    pub fn offloads(&self) -> bool {
        self.offloads.load(Ordering::Relaxed)
    }

    /// Whether an interface of this name exists.
    pub fn is_there(&self) -> bool {
        Request::new(&self.name).is_ok_and(|request| request.exists())
    }

    /// Reads one frame with its virtio-net header; `WouldBlock` where none waits.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the kernel writes at most the length of the buffer.
        let count = unsafe { libc::read(self.fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        if count < 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
    }

    /// Writes one frame given in parts, the first of which begins with the virtio-net header.
    pub fn write(&self, parts: &[io::IoSlice<'_>]) -> io::Result<()> {
        // SAFETY: IoSlice has the layout of iovec.
        let count = unsafe { libc::writev(self.fd.as_raw_fd(), parts.as_ptr().cast(), parts.len() as libc::c_int) };
        if count < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// The largest super-packet whose segments leave as one UDP_SEGMENT message, also over a relay, which the other end then
/// also receives as one: each message costs a walk through both network stacks.
fn super_packet_max(mtu: usize) -> u32 {
    let segments = (SEND_MAX / (TRANSIT_OVERHEAD + DATA_OVERHEAD + FRAME_HEAD + PARTIAL_HEAD + mtu)).min(SEGMENTS_MAX);
    (segments * mtu.saturating_sub(PACKET_HEADERS) + TCP_HEADERS).min(65_536) as u32
}

/// `02 | addr[0..5]`, or a configured MAC without its group bit.
pub fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0u8; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut mac {
        *byte = parts.next().filter(|part| part.len() == 2).and_then(|part| u8::from_str_radix(part, 16).ok())?;
    }
    mac[0] &= !1;
    parts.next().is_none().then_some(mac)
}

/// Removes a TAP or TUN interface that an earlier process left behind; false where there is none. Refuses interfaces
/// of another kind.
pub fn remove_interface(name: &str) -> Result<bool, Error> {
    let request = Request::new(name)?;
    if !request.exists() {
        return Ok(false);
    }
    if request.driver().as_deref() != Some("tun") {
        return Err(Error::new("INTERFACE_EXISTS", format!("{name} is no TAP interface, so it is left alone.")));
    }
    crate::netlink::delete_link(name).map_err(|error| privilege_error("remove the interface", name, &error))?;
    Ok(true)
}

/// The environment's errors in the words of the contract.
fn device_error(error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENXIO | libc::ENODEV) => {
            Error::new("NO_TUN_DEVICE", "There is no /dev/net/tun.".into())
        }
        _ => privilege_error("open /dev/net/tun for", "the interface", error),
    }
}

fn privilege_error(what: &str, name: &str, error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => Error::new("NOT_PERMITTED", format!("Not permitted to {what} {name}.")),
        _ => Error::new("INTERFACE_FAILED", format!("Cannot {what} {name}: {error}.")),
    }
}

/// `struct ifreq`, zeroed but for the name.
#[derive(Clone, Copy)]
struct Request(libc::ifreq);

impl Request {
    fn new(name: &str) -> Result<Self, Error> {
        let fits = !name.is_empty() && name.len() < libc::IFNAMSIZ && !name.contains(['/', '%', '\0']);
        if !fits || name.bytes().any(|byte| byte.is_ascii_whitespace()) {
            let text = format!("{name:?} is no interface name: 1 to 15 characters without slash, percent and space.");
            return Err(Error::new("BAD_NAME", text));
        }
        // SAFETY: zeros are a valid ifreq.
        let mut request: libc::ifreq = unsafe { zeroed() };
        for (out, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *out = byte as libc::c_char;
        }
        Ok(Self(request))
    }

    fn exists(&self) -> bool {
        // SAFETY: the name ends with a zero.
        unsafe { libc::if_nametoindex(self.0.ifr_name.as_ptr()) != 0 }
    }

    fn call(&mut self, fd: RawFd, request: libc::c_ulong) -> io::Result<()> {
        // SAFETY: every request used here takes an ifreq.
        let result = unsafe { libc::ioctl(fd, request as _, ptr::from_mut(&mut self.0)) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn set_ipv4(&mut self, ip: Ipv4Addr) {
        let (storage, _) = crate::socket::to_storage(&(ip, 0).into());
        // SAFETY: a sockaddr is the beginning of the storage.
        self.0.ifr_ifru.ifru_addr = unsafe { *ptr::from_ref(&storage).cast() };
    }

    /// What `ethtool -i` says.
    fn driver(&self) -> Option<String> {
        #[repr(C)]
        struct DriverInfo {
            cmd: u32,
            driver: [u8; 32],
            rest: [u8; 160],
        }
        const ETHTOOL_GDRVINFO: u32 = 3;
        const SIOCETHTOOL: libc::c_ulong = 0x8946;
        let mut info = DriverInfo { cmd: ETHTOOL_GDRVINFO, driver: [0; 32], rest: [0; 160] };
        let mut request = *self;
        request.0.ifr_ifru.ifru_data = ptr::from_mut(&mut info).cast();
        let socket = control_socket().ok()?;
        request.call(socket.as_raw_fd(), SIOCETHTOOL).ok()?;
        let length = info.driver.iter().position(|byte| *byte == 0)?;
        CString::new(&info.driver[..length]).ok()?.into_string().ok()
    }
}

fn control_socket() -> io::Result<File> {
    // SAFETY: plain system call; the descriptor is owned from here on.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(File::from_raw_fd(fd)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_lose_their_group_bit() {
        assert_eq!(parse_mac("CB:DF:E7:20:60:35"), Some([0xca, 0xdf, 0xe7, 0x20, 0x60, 0x35]));
        for text in ["", "CB:DF:E7:20:60", "CB:DF:E7:20:60:35:00", "C:DF:E7:20:60:35", "xx:DF:E7:20:60:35"] {
            assert_eq!(parse_mac(text), None, "{text}");
        }
    }

    #[test]
    fn a_super_packet_fits_one_message() {
        for mtu in [576, 1_280, MTU_DEFAULT as usize, 1_420, 8_900] {
            let payload = super_packet_max(mtu) as usize - TCP_HEADERS;
            let segments = payload.div_ceil(mtu - PACKET_HEADERS);
            assert!(
                segments <= SEGMENTS_MAX && segments * (mtu + TRANSIT_OVERHEAD + DATA_OVERHEAD + 8) <= SEND_MAX,
                "{mtu}: {segments}"
            );
        }
        assert_eq!(super_packet_max(MTU_DEFAULT as usize), 45 * 1_280 + 320);
    }

    #[test]
    fn names_are_checked_before_the_kernel_is_asked() {
        for name in ["", "sixteencharacter", "a/b", "a b", "tap%d"] {
            assert_eq!(remove_interface(name).unwrap_err().code, "BAD_NAME", "{name}");
        }
    }

    #[test]
    fn foreign_interfaces_are_left_alone() {
        assert_eq!(remove_interface("lo").unwrap_err().code, "INTERFACE_EXISTS");
        assert_eq!(remove_interface("rw-no-such"), Ok(false));
        let options = TapOptions {
            name: "lo",
            mac: [2; 6],
            mtu: MTU_DEFAULT,
            ip: Ipv4Addr::LOCALHOST,
            prefix: 8,
            offload: true,
            dscp: false,
        };
        assert_eq!(Tap::create(&options).err().unwrap().code, "INTERFACE_EXISTS");
    }
}
