//! The UDP sockets: one for each address family, with batches in both directions and segmentation where the kernel
//! has it.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::drops::{Drops, Reason};
use crate::stream::Stream;

const SOCKET_BUFFER: libc::c_int = 4 * 1024 * 1024;
/// Messages of one `recvmmsg` or `sendmmsg`.
const MESSAGES: usize = 32;
/// A UDP_GRO train, or one datagram.
const RX_BUFFER: usize = 65_536;
/// From one receive buffer to the next: no power of two, or the beginnings of all would share a few lines of the cache.
const RX_STRIDE: usize = RX_BUFFER + 1_088;
/// About so much is taken at a time, that it is still in the second-level cache when it is opened: four full trains, or more
/// messages where single datagrams stand between the trains.
const RX_AT_ONCE: usize = 4 * RX_BUFFER;
const MESSAGES_LEAST: usize = 4;
/// The kernel cuts one UDP_SEGMENT message into at most as many datagrams...
pub const SEGMENTS_MAX: usize = 64;
/// ...and takes no more bytes in it.
pub const SEND_MAX: usize = 65_507;
const TX_BUFFER: usize = 512 * 1024;
/// With so much gathered the receiver can start while more is sealed.
const DUE: usize = 64 * 1024;
const CONTROL: usize = 64;

pub struct Sockets {
    pub v4: Udp,
    /// Absent where the computer has no IPv6.
    pub v6: Option<Udp>,
    pub port: u16,
}

pub struct Udp {
    fd: OwnedFd,
    /// Cleared for good when the kernel or the device turns out not to segment.
    segment: AtomicBool,
    /// Whether the kernel joins datagrams into trains.
    coalesce: AtomicBool,
}

impl Sockets {
    /// Binds `port` on both families; 0 takes any that is free on both.
    pub fn bind(port: u16) -> io::Result<Self> {
        let mut tries = if port == 0 { 10 } else { 1 };
        loop {
            tries -= 1;
            match Self::bind_once(port) {
                Err(error) if tries > 0 && error.raw_os_error() == Some(libc::EADDRINUSE) => {}
                result => return result,
            }
        }
    }

    fn bind_once(port: u16) -> io::Result<Self> {
        let v4 = Udp::bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
        let port = v4.local_port()?;
        let v6 = match Udp::bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))) {
            Ok(socket) => Some(socket),
            // Without the family, or with all of it switched off, IPv4 is enough.
            Err(error) if error.raw_os_error() != Some(libc::EADDRINUSE) => None,
            Err(error) => return Err(error),
        };
        Ok(Self { v4, v6, port })
    }

    pub fn each(&self) -> impl Iterator<Item = &Udp> {
        std::iter::once(&self.v4).chain(&self.v6)
    }
}

impl Udp {
    fn bind(address: &SocketAddr) -> io::Result<Self> {
        let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: plain system call; the descriptor is owned from here on.
        let fd = unsafe {
            let fd = libc::socket(family, kind, 0);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(fd)
        };
        if address.is_ipv6() {
            set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
        } else {
            // Datagrams larger than the path are fragmented rather than lost until path MTU discovery sets sizes.
            let _ = set_option(&fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_DONT);
        }
        for (forced, plain) in [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)] {
            if set_option(&fd, libc::SOL_SOCKET, forced, SOCKET_BUFFER).is_err() {
                let _ = set_option(&fd, libc::SOL_SOCKET, plain, SOCKET_BUFFER);
            }
        }
        let (storage, length) = to_storage(address);
        // SAFETY: `storage` holds an address of `length` bytes.
        if unsafe { libc::bind(fd.as_raw_fd(), ptr::from_ref(&storage).cast(), length) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let segment = set_option(&fd, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok();
        // Of a system that does not say it, no congestion mark reaches the inner packets.
        let _ = match address {
            SocketAddr::V4(_) => set_option(&fd, libc::IPPROTO_IP, libc::IP_RECVTOS, 1),
            SocketAddr::V6(_) => set_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 1),
        };
        let coalesce = set_option(&fd, libc::SOL_UDP, libc::UDP_GRO, 1).is_ok();
        Ok(Self { fd, segment: AtomicBool::new(segment), coalesce: AtomicBool::new(coalesce) })
    }

    fn local_port(&self) -> io::Result<u16> {
        // SAFETY: the kernel writes at most `length` bytes into `storage`, for which zeros are valid.
        unsafe {
            let mut storage: libc::sockaddr_storage = zeroed();
            let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            if libc::getsockname(self.fd.as_raw_fd(), ptr::from_mut(&mut storage).cast(), &mut length) != 0 {
                return Err(io::Error::last_os_error());
            }
            from_storage(&storage).map(|address| address.port()).ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
        }
    }

    pub fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Stops using UDP_SEGMENT, as on a kernel without it.
    pub fn disable_segmentation(&self) {
        self.segment.store(false, Ordering::Relaxed);
    }

    /// Stops using UDP_GRO, as on a kernel without it.
    pub fn disable_coalescing(&self) {
        let _ = set_option(&self.fd, libc::SOL_UDP, libc::UDP_GRO, 0);
        self.coalesce.store(false, Ordering::Relaxed);
    }

    pub fn segments(&self) -> bool {
        self.segment.load(Ordering::Relaxed)
    }

    pub fn coalesces(&self) -> bool {
        self.coalesce.load(Ordering::Relaxed)
    }
}

/// What the system's refusal of a datagram means. None of it ends anything: the next datagram is tried again.
fn why_not_sent(error: &io::Error) -> Reason {
    match error.raw_os_error() {
        Some(libc::EAGAIN) => Reason::SendQueueFull,
        Some(libc::ENOBUFS | libc::ENOMEM) => Reason::SendNoBuffers,
        // A rule of the computer's own firewall.
        Some(libc::EPERM | libc::EACCES) => Reason::SendRefused,
        Some(libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENETDOWN | libc::EADDRNOTAVAIL) => Reason::SendUnreachable,
        _ => Reason::SendFailed,
    }
}

pub(crate) fn set_option(fd: &OwnedFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: `value` lives over the call and its size is given.
    let result = unsafe {
        let length = size_of::<libc::c_int>() as libc::socklen_t;
        libc::setsockopt(fd.as_raw_fd(), level, name, ptr::from_ref(&value).cast(), length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

pub fn to_storage(address: &SocketAddr) -> (libc::sockaddr_storage, libc::socklen_t) {
    // SAFETY: zeros are a valid sockaddr_storage, which is large enough and aligned for both forms.
    unsafe {
        let mut storage: libc::sockaddr_storage = zeroed();
        let length = match address {
            SocketAddr::V4(v4) => {
                let out: *mut libc::sockaddr_in = ptr::from_mut(&mut storage).cast();
                (*out).sin_family = libc::AF_INET as libc::sa_family_t;
                (*out).sin_port = v4.port().to_be();
                (*out).sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
                size_of::<libc::sockaddr_in>()
            }
            SocketAddr::V6(v6) => {
                let out: *mut libc::sockaddr_in6 = ptr::from_mut(&mut storage).cast();
                (*out).sin6_family = libc::AF_INET6 as libc::sa_family_t;
                (*out).sin6_port = v6.port().to_be();
                (*out).sin6_addr.s6_addr = v6.ip().octets();
                (*out).sin6_scope_id = v6.scope_id();
                size_of::<libc::sockaddr_in6>()
            }
        };
        (storage, length as libc::socklen_t)
    }
}

pub fn from_storage(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    // SAFETY: the family tells which form the bytes have.
    unsafe {
        match libc::c_int::from(storage.ss_family) {
            libc::AF_INET => {
                let v4: &libc::sockaddr_in = &*ptr::from_ref(storage).cast();
                let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 => {
                let v6: &libc::sockaddr_in6 = &*ptr::from_ref(storage).cast();
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id).into())
            }
            _ => None,
        }
    }
}

/// Datagrams that came together from one place: each of `size` bytes, but the last, which may be shorter.
pub struct Train<'a> {
    pub from: SocketAddr,
    pub bytes: &'a mut [u8],
    pub size: usize,
    /// Their TOS byte or traffic class.
    pub tos: u8,
}

/// Buffers of one `recvmmsg`.
pub struct RxBatch {
    buffer: Vec<u8>,
    headers: Vec<libc::mmsghdr>,
    vectors: Vec<libc::iovec>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    /// Messages that the next call asks for.
    wanted: usize,
}

#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL]);

// SAFETY: the raw pointers point into the vectors of the same value and are set anew before each call.
unsafe impl Send for RxBatch {}

impl Default for RxBatch {
    fn default() -> Self {
        // SAFETY: zeros are valid for these plain C structures.
        unsafe {
            Self {
                buffer: vec![0; MESSAGES * RX_STRIDE],
                headers: vec![zeroed(); MESSAGES],
                vectors: vec![zeroed(); MESSAGES],
                names: vec![zeroed(); MESSAGES],
                controls: vec![Control([0; CONTROL]); MESSAGES],
                wanted: MESSAGES,
            }
        }
    }
}

impl RxBatch {
    /// Receives what is there, without waiting, and hands each train of datagrams to `each`. Says how many messages came.
    pub fn receive(&mut self, socket: &Udp, mut each: impl FnMut(Train<'_>)) -> io::Result<usize> {
        for i in 0..self.wanted {
            self.vectors[i] =
                libc::iovec { iov_base: self.buffer[i * RX_STRIDE..].as_mut_ptr().cast(), iov_len: RX_BUFFER };
            let header = &mut self.headers[i].msg_hdr;
            header.msg_name = ptr::from_mut(&mut self.names[i]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = &mut self.vectors[i];
            header.msg_iovlen = 1;
            header.msg_control = self.controls[i].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL as _;
            header.msg_flags = 0;
        }
        // SAFETY: every header points to memory of this value that lives over the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.raw_fd(),
                self.headers.as_mut_ptr(),
                self.wanted as _,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::WouldBlock { Ok(0) } else { Err(error) };
        }
        let mut total = 0;
        for i in 0..count as usize {
            let length = (self.headers[i].msg_len as usize).min(RX_BUFFER);
            total += length;
            let Some(from) = from_storage(&self.names[i]) else { continue };
            let Said { segment, tos } = said(&self.headers[i].msg_hdr);
            let size = segment.unwrap_or(length).max(1);
            let bytes = &mut self.buffer[i * RX_STRIDE..i * RX_STRIDE + length];
            each(Train { from, bytes, size, tos });
        }
        if count > 0 {
            self.wanted = (RX_AT_ONCE * count as usize / total.max(1)).clamp(MESSAGES_LEAST, MESSAGES);
        }
        Ok(count as usize)
    }
}

/// What the kernel says beside a message.
#[derive(Default)]
struct Said {
    /// The size of the datagrams of a GRO train.
    segment: Option<usize>,
    tos: u8,
}

fn said(header: &libc::msghdr) -> Said {
    let mut said = Said::default();
    // SAFETY: the kernel filled the control buffer; the macros stay inside its length.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(found) = message.as_ref() {
            let data = libc::CMSG_DATA(message);
            match (found.cmsg_level, found.cmsg_type) {
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    let size = data.cast::<libc::c_int>().read_unaligned();
                    said.segment = usize::try_from(size).ok().filter(|size| *size > 0);
                }
                (libc::IPPROTO_IP, libc::IP_TOS) => said.tos = *data,
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => said.tos = data.cast::<libc::c_int>().read_unaligned() as u8,
                _ => {}
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    said
}

struct Item {
    start: usize,
    end: usize,
    to: SocketAddr,
    tos: u8,
}

/// Datagrams to send, one behind the other in one buffer. Neighbours of equal size to one destination leave as one
/// UDP_SEGMENT message.
pub struct TxBatch {
    buffer: Vec<u8>,
    used: usize,
    items: Vec<Item>,
    headers: Vec<libc::mmsghdr>,
    vectors: Vec<libc::iovec>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    /// Streams that got packets since the last flush.
    streams: Vec<Arc<Stream>>,
    /// First and last item of each message.
    runs: Vec<(usize, usize)>,
}

// SAFETY: as for RxBatch.
unsafe impl Send for TxBatch {}

impl Default for TxBatch {
    fn default() -> Self {
        Self::with_room(TX_BUFFER)
    }
}

impl TxBatch {
    /// A batch for `bytes` at a time; a datagram larger than that does not fit at all.
    pub fn with_room(bytes: usize) -> Self {
        // SAFETY: zeros are valid for these plain C structures.
        unsafe {
            Self {
                buffer: vec![0; bytes],
                used: 0,
                items: Vec::with_capacity(1_024),
                streams: Vec::new(),
                headers: vec![zeroed(); MESSAGES],
                vectors: vec![zeroed(); MESSAGES],
                names: vec![zeroed(); MESSAGES],
                controls: vec![Control([0; CONTROL]); MESSAGES],
                runs: Vec::with_capacity(MESSAGES),
            }
        }
    }

    /// Whether a datagram of `size` bytes fits before the next flush.
    pub fn has_room(&self, size: usize) -> bool {
        self.used + size <= self.buffer.len()
    }

    pub fn is_due(&self) -> bool {
        self.used >= DUE
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Appends a datagram of `size` bytes and of that TOS that `fill` writes; where `fill` says no, nothing is appended. The bytes given
    /// to `fill` are those of earlier datagrams, so it must write all of them. `has_room` was asked before.
    pub fn push(&mut self, to: SocketAddr, tos: u8, size: usize, fill: impl FnOnce(&mut [u8]) -> bool) -> bool {
        let (start, end) = (self.used, self.used + size);
        let filled = fill(&mut self.buffer[start..end]);
        if filled {
            self.used = end;
            self.items.push(Item { start, end, to, tos });
        }
        filled
    }

    /// A stream that a packet was appended to: it is flushed with the rest.
    pub fn note_stream(&mut self, stream: &Arc<Stream>) {
        if !self.streams.iter().any(|known| Arc::ptr_eq(known, stream)) {
            self.streams.push(stream.clone());
        }
    }

    /// Sends all. What the sockets refuse is dropped and counted: UDP promises nothing.
    pub fn flush(&mut self, sockets: &Sockets, drops: &Drops) {
        for stream in self.streams.drain(..) {
            stream.flush(drops);
        }
        if self.items.is_empty() {
            return;
        }
        self.send_family(&sockets.v4, true, drops);
        match &sockets.v6 {
            Some(v6) => self.send_family(v6, false, drops),
            None => {
                let lost = self.items.iter().filter(|item| item.to.is_ipv6()).count();
                drops.add(Reason::SendFailed, lost as u64);
            }
        }
        self.items.clear();
        self.used = 0;
    }

    fn send_family(&mut self, socket: &Udp, v4: bool, drops: &Drops) {
        let mut next = 0;
        loop {
            self.runs.clear();
            while self.runs.len() < MESSAGES {
                let Some(run) = self.next_run(&mut next, v4, socket.segments()) else { break };
                self.runs.push(run);
            }
            if self.runs.is_empty() {
                return;
            }
            self.send_runs(socket, drops);
        }
    }

    /// The next items of the family that can leave as one message.
    fn next_run(&self, next: &mut usize, v4: bool, segment: bool) -> Option<(usize, usize)> {
        while self.items.get(*next)?.to.is_ipv4() != v4 {
            *next += 1;
        }
        let first = *next;
        let item = &self.items[first];
        let size = item.end - item.start;
        let mut last = first;
        while segment && last + 1 - first < SEGMENTS_MAX {
            let Some(after) = self.items.get(last + 1) else { break };
            let shorter_before = self.items[last].end - self.items[last].start < size;
            let fits = after.end - after.start <= size && after.end - item.start <= SEND_MAX;
            let alike = after.to == item.to && after.tos == item.tos;
            if shorter_before || !fits || !alike {
                break;
            }
            last += 1;
        }
        *next = last + 1;
        Some((first, last))
    }

    fn send_runs(&mut self, socket: &Udp, drops: &Drops) {
        for i in 0..self.runs.len() {
            let (first, last) = self.runs[i];
            let size = self.items[first].end - self.items[first].start;
            self.prepare(i, first, last, (last > first).then_some(size as u16));
        }
        let mut done = 0;
        while done < self.runs.len() {
            // SAFETY: the headers from `done` on were prepared and point into this value.
            let sent = unsafe {
                let rest = (self.runs.len() - done) as libc::c_uint;
                libc::sendmmsg(socket.raw_fd(), self.headers[done..].as_mut_ptr(), rest, libc::MSG_DONTWAIT)
            };
            if sent > 0 {
                done += sent as usize;
                continue;
            }
            let (first, last) = self.runs[done];
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::EINTR) => continue,
                // A device without checksum offload (EIO) or a path smaller than the segments (EINVAL, EMSGSIZE).
                Some(code @ (libc::EIO | libc::EINVAL | libc::EMSGSIZE)) if last > first => {
                    if code == libc::EIO {
                        socket.disable_segmentation();
                    }
                    self.send_singly(socket, done, drops);
                }
                _ => drops.add(why_not_sent(&error), (last - first + 1) as u64),
            }
            done += 1;
        }
    }

    /// Sends the datagrams of a run one by one, by its own header.
    fn send_singly(&mut self, socket: &Udp, run: usize, drops: &Drops) {
        let (first, last) = self.runs[run];
        for item in first..=last {
            self.prepare(run, item, item, None);
            // SAFETY: the header was just prepared and points into this value.
            let sent = unsafe { libc::sendmsg(socket.raw_fd(), &self.headers[run].msg_hdr, libc::MSG_DONTWAIT) };
            if sent < 0 {
                drops.count(why_not_sent(&io::Error::last_os_error()));
            }
        }
    }

    fn prepare(&mut self, i: usize, first: usize, last: usize, segment: Option<u16>) {
        let (start, end) = (self.items[first].start, self.items[last].end);
        let (name, name_length) = to_storage(&self.items[first].to);
        self.names[i] = name;
        self.vectors[i] = libc::iovec { iov_base: self.buffer[start..end].as_mut_ptr().cast(), iov_len: end - start };
        let header = &mut self.headers[i].msg_hdr;
        header.msg_name = ptr::from_mut(&mut self.names[i]).cast();
        header.msg_namelen = name_length;
        header.msg_iov = &mut self.vectors[i];
        header.msg_iovlen = 1;
        header.msg_flags = 0;
        let (control, mut used) = (&mut self.controls[i], 0);
        if let Some(size) = segment {
            control.put(&mut used, libc::SOL_UDP, libc::UDP_SEGMENT, size);
        }
        let Item { to, tos, .. } = &self.items[first];
        if *tos != 0 {
            let (level, kind) = match to {
                SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_TOS),
                SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_TCLASS),
            };
            control.put(&mut used, level, kind, libc::c_int::from(*tos));
        }
        header.msg_control = if used > 0 { control.0.as_mut_ptr().cast() } else { ptr::null_mut() };
        header.msg_controllen = used as _;
    }
}

impl Control {
    /// Appends a control message behind the `used` bytes of those before it.
    fn put<T: Copy>(&mut self, used: &mut usize, level: libc::c_int, kind: libc::c_int, value: T) {
        // SAFETY: the macros only compute; where the message ends inside the buffer, all that is written is inside it.
        unsafe {
            let size = size_of::<T>() as libc::c_uint;
            let (length, space) = (libc::CMSG_LEN(size), libc::CMSG_SPACE(size) as usize);
            assert!(*used + space <= CONTROL, "a message has at most two control messages");
            let message = self.0.as_mut_ptr().add(*used).cast::<libc::cmsghdr>();
            (*message).cmsg_level = level;
            (*message).cmsg_type = kind;
            (*message).cmsg_len = length as _;
            libc::CMSG_DATA(message).cast::<T>().write_unaligned(value);
            *used += space;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn receive(socket: &Udp, count: usize) -> Vec<Vec<u8>> {
        let mut batch = RxBatch::default();
        let mut got = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(5);
        while got.len() < count && Instant::now() < deadline {
            let each = |train: Train<'_>| got.extend(train.bytes.chunks(train.size).map(<[u8]>::to_vec));
            batch.receive(socket, each).unwrap();
            std::thread::yield_now();
        }
        got
    }

    #[test]
    fn runs_of_equal_size_arrive_as_they_were_with_and_without_segmentation() {
        for offload in [true, false] {
            let (a, b) = (Sockets::bind(0).unwrap(), Sockets::bind(0).unwrap());
            if !offload {
                for socket in a.each().chain(b.each()) {
                    socket.disable_segmentation();
                    socket.disable_coalescing();
                }
            }
            let drops = Drops::default();
            let mut batch = TxBatch::default();
            let to_v4 = SocketAddr::from(([127, 0, 0, 1], b.port));
            let sizes = [1_400, 1_400, 1_400, 700, 1_400, 32, 1_400, 1_400];
            for (n, size) in sizes.iter().enumerate() {
                assert!(batch.push(to_v4, 0, *size, |bytes| {
                    bytes.fill(n as u8);
                    true
                }));
            }
            assert!(!batch.push(to_v4, 0, 10, |_| false));
            batch.flush(&a, &drops);
            assert!(batch.is_empty());
            let expected: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(n, size)| vec![n as u8; *size]).collect();
            assert_eq!(receive(&b.v4, sizes.len()), expected);
            assert!(drops.all().iter().all(|(_, count)| *count == 0));
        }
    }

    #[test]
    fn the_traffic_class_arrives_with_each_datagram_and_keeps_trains_apart() {
        for segmentation in [true, false] {
            let (a, b) = (Sockets::bind(0).unwrap(), Sockets::bind(0).unwrap());
            if !segmentation {
                a.each().for_each(Udp::disable_segmentation);
            }
            for (to, socket) in [("127.0.0.1", Some(&b.v4)), ("::1", b.v6.as_ref())] {
                let Some(socket) = socket else { continue };
                let to = SocketAddr::new(to.parse().unwrap(), b.port);
                let sent: [u8; 6] = [0, 0, 2, 2, 3, 0xb8];
                let mut batch = TxBatch::default();
                for tos in sent {
                    batch.push(to, tos, 1_000, |bytes| {
                        bytes.fill(tos);
                        true
                    });
                }
                batch.flush(&a, &Drops::default());
                let mut got = Vec::new();
                let deadline = Instant::now() + Duration::from_secs(5);
                while got.len() < sent.len() && Instant::now() < deadline {
                    let each = |train: Train<'_>| {
                        assert!(train.bytes.iter().all(|byte| *byte == train.tos));
                        got.extend(train.bytes.chunks(train.size).map(|bytes| bytes[0]));
                    };
                    RxBatch::default().receive(socket, each).unwrap();
                }
                assert_eq!(got, sent);
            }
        }
    }

    #[test]
    fn a_refused_datagram_is_counted_and_the_others_go_on() {
        let (a, b) = (Sockets::bind(0).unwrap(), Sockets::bind(0).unwrap());
        let drops = Drops::default();
        let mut batch = TxBatch::default();
        for to in [[255, 255, 255, 255], [127, 0, 0, 1]] {
            batch.push(SocketAddr::from((to, b.port)), 0, 40, |bytes| {
                bytes.fill(to[0]);
                true
            });
        }
        batch.flush(&a, &drops);
        assert_eq!(receive(&b.v4, 1), vec![vec![127; 40]]);
        // Without SO_BROADCAST that is EACCES.
        assert_eq!(drops.get(Reason::SendRefused), 1);
    }

    #[test]
    fn what_the_system_refuses_is_counted_by_its_reason() {
        for (code, reason) in [
            (libc::EAGAIN, Reason::SendQueueFull),
            (libc::ENOBUFS, Reason::SendNoBuffers),
            (libc::EPERM, Reason::SendRefused),
            (libc::ENETUNREACH, Reason::SendUnreachable),
            (libc::EPIPE, Reason::SendFailed),
        ] {
            assert_eq!(why_not_sent(&io::Error::from_raw_os_error(code)), reason);
        }
    }

    #[test]
    fn a_port_in_use_is_an_error() {
        let taken = Sockets::bind(0).unwrap();
        let error = Sockets::bind(taken.port).err().unwrap();
        assert_eq!(error.raw_os_error(), Some(libc::EADDRINUSE));
    }

    #[test]
    fn addresses_round_trip() {
        for text in ["192.0.2.1:5", "[2001:db8::1]:65535"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(from_storage(&to_storage(&address).0), Some(address));
        }
    }
}
