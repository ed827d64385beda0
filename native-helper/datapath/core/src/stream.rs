//! One TCP stream of the overlay (overlay.md section 5): `u16 length | packet`, length 32 to 65,535, behind a preface
//! of eight bytes each way.
//!
//! Any thread appends to the bounded queue of a stream; reading belongs to the stream thread (`streams.rs`).

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::drops::{Drops, Reason};
use crate::epoll::Epoll;
use crate::events::NetworkId;
use crate::session::lock;
use crate::sync::Mutex;

/// What each end says first: the name, version 1, no flags.
pub const PREFACE: [u8; 8] = *b"OVL1\x01\0\0\0";
const LENGTH: usize = 2;
/// The least packet there is: DATA without frames.
const PACKET_MIN: usize = 32;
pub const PACKET_MAX: usize = 65_535;
/// Bytes that wait for the kernel, at most.
pub const QUEUE_MAX: usize = 256 * 1024;
/// With so much gathered the kernel can begin while more is sealed.
const DUE: usize = 64 * 1024;
/// What carries IP and waited so long is of no use any more: its sender has sent it again.
pub const STALE: Duration = Duration::from_millis(200);
/// Pieces of one `sendmsg`; packets that lie side by side are one piece.
const PIECES: usize = 64;

/// Packets on their way into the kernel, framed, one behind the other in one buffer.
#[derive(Default)]
pub struct Queue {
    buffer: Vec<u8>,
    used: usize,
    /// In the order of sending; their places grow.
    packets: VecDeque<Waiting>,
    bytes: usize,
}

struct Waiting {
    start: usize,
    end: usize,
    /// Part of it is sent, so the rest must follow.
    is_begun: bool,
    may_drop: bool,
    /// When the kernel first took it not.
    since: Option<Instant>,
}

impl Queue {
    /// Appends a packet of `size` bytes that `fill` writes, all of them; where `fill` says no, nothing is appended.
    /// `may_drop`: it may go when it gets old, or when room is needed for what may not.
    pub fn push(
        &mut self,
        size: usize,
        may_drop: bool,
        fill: impl FnOnce(&mut [u8]) -> bool,
    ) -> Result<(usize, bool), Reason> {
        if size > PACKET_MAX {
            return Err(Reason::TooLarge);
        }
        let dropped = self.make_room(LENGTH + size, may_drop).ok_or(Reason::SendQueueFull)?;
        let (start, end) = (self.used, self.used + LENGTH + size);
        self.buffer[start..start + LENGTH].copy_from_slice(&(size as u16).to_be_bytes());
        let filled = fill(&mut self.buffer[start + LENGTH..end]);
        if filled {
            self.append(start, end, may_drop);
        }
        Ok((dropped, filled))
    }

    /// Appends bytes as they are.
    fn push_raw(&mut self, bytes: &[u8]) {
        if self.make_room(bytes.len(), false).is_some() {
            let (start, end) = (self.used, self.used + bytes.len());
            self.buffer[start..end].copy_from_slice(bytes);
            self.append(start, end, false);
        }
    }

    fn append(&mut self, start: usize, end: usize, may_drop: bool) {
        self.used = end;
        self.bytes += end - start;
        self.packets.push_back(Waiting { start, end, is_begun: false, may_drop, since: None });
    }

    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Hands over as much as `send` takes, many packets a call. An error leaves the rest in place.
    pub fn write(&mut self, mut send: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> io::Result<()> {
        while !self.packets.is_empty() {
            let mut places = [(0usize, 0usize); PIECES];
            let mut count = 0;
            for packet in &self.packets {
                if count > 0 && places[count - 1].1 == packet.start {
                    places[count - 1].1 = packet.end;
                } else if count < PIECES {
                    places[count] = (packet.start, packet.end);
                    count += 1;
                } else {
                    break;
                }
            }
            let mut pieces = [IoSlice::new(&[]); PIECES];
            for (piece, (start, end)) in pieces.iter_mut().zip(&places[..count]) {
                *piece = IoSlice::new(&self.buffer[*start..*end]);
            }
            let sent = send(&pieces[..count])?;
            if sent == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.sent(sent);
        }
        self.used = 0;
        Ok(())
    }

    fn sent(&mut self, mut bytes: usize) {
        self.bytes -= bytes;
        while let Some(first) = self.packets.front_mut() {
            let length = first.end - first.start;
            if bytes < length {
                first.start += bytes;
                first.is_begun |= bytes > 0;
                return;
            }
            bytes -= length;
            self.packets.pop_front();
        }
    }

    /// What stands now was not taken by the kernel: from here on it grows old. Drops what is old already; says how many.
    pub fn age(&mut self, now: Instant) -> usize {
        for packet in self.packets.iter_mut().rev() {
            if packet.since.is_some() {
                break;
            }
            packet.since = Some(now);
        }
        let is_old = |packet: &Waiting| packet.since.is_some_and(|at| now.saturating_duration_since(at) >= STALE);
        let old = self.packets.iter().take_while(|packet| is_old(packet)).count();
        self.drop_among(old, usize::MAX)
    }

    /// Forgets the memory that a burst took.
    pub fn shrink(&mut self) {
        if self.packets.is_empty() {
            *self = Self::default();
        }
    }

    /// Makes room behind `used`; `None` where the queue is full. Says how many packets went for it.
    fn make_room(&mut self, size: usize, may_drop: bool) -> Option<usize> {
        let mut dropped = 0;
        if self.bytes + size > QUEUE_MAX {
            let over = self.bytes + size - QUEUE_MAX;
            dropped = if may_drop { 0 } else { self.drop_among(self.packets.len(), over) };
            if self.bytes + size > QUEUE_MAX {
                return None;
            }
        }
        if self.used + size > self.buffer.len() {
            self.close_gaps();
            if self.used + size > self.buffer.len() {
                // Twice the limit, so that gaps are closed once for as many bytes as the queue holds.
                let wanted = (2 * self.buffer.len()).clamp(16 * 1024, 2 * QUEUE_MAX);
                self.buffer.resize(wanted.max(self.used + size), 0);
            }
        }
        Some(dropped)
    }

    /// Drops packets that may go among the first `count`, until `bytes` are free.
    fn drop_among(&mut self, count: usize, bytes: usize) -> usize {
        let (mut place, mut freed, before) = (0, 0, self.packets.len());
        if count == 0 {
            return 0;
        }
        self.packets.retain(|packet| {
            place += 1;
            let goes = place <= count && freed < bytes && packet.may_drop && !packet.is_begun;
            if goes {
                freed += packet.end - packet.start;
            }
            !goes
        });
        self.bytes -= freed;
        before - self.packets.len()
    }

    fn close_gaps(&mut self) {
        let mut at = 0;
        for packet in &mut self.packets {
            let length = packet.end - packet.start;
            self.buffer.copy_within(packet.start..packet.end, at);
            (packet.start, packet.end) = (at, at + length);
            at += length;
        }
        self.used = at;
    }
}

/// What a stream carries is not what this protocol says.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// Hands the whole packets at the start of `bytes` to `each` and says how many bytes are used up. The preface comes
/// first while `is_open` is false.
pub fn split(bytes: &mut [u8], is_open: &mut bool, mut each: impl FnMut(&mut [u8])) -> Result<usize, Malformed> {
    let mut at = 0;
    if !*is_open {
        let known = bytes.len().min(PREFACE.len());
        if bytes[..known] != PREFACE[..known] {
            return Err(Malformed);
        }
        if known < PREFACE.len() {
            return Ok(0);
        }
        *is_open = true;
        at = PREFACE.len();
    }
    while bytes.len() - at >= LENGTH {
        let length = usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
        if length < PACKET_MIN {
            return Err(Malformed);
        }
        let end = at + LENGTH + length;
        if end > bytes.len() {
            break;
        }
        each(&mut bytes[at + LENGTH..end]);
        at = end;
    }
    Ok(at)
}

pub struct Stream {
    /// The socket address of the other end.
    pub remote: SocketAddr,
    pub token: u64,
    fd: OwnedFd,
    epoll: Arc<Epoll>,
    /// The affiliation it belongs to: that of the dialler, or of the first handshake that came by it.
    network: OnceLock<NetworkId>,
    is_proven: AtomicBool,
    sending: Mutex<Sending>,
}

#[derive(Default)]
struct Sending {
    queue: Queue,
    /// The connection stands and the kernel takes more.
    is_ready: bool,
    is_connected: bool,
    /// When this end was told to close it.
    closing: Option<Instant>,
    is_over: bool,
}

impl Stream {
    /// Takes a socket that does not block; the preface is the first that goes out. `is_connected` is false where `connect` is under way.
    pub fn new(fd: OwnedFd, remote: SocketAddr, token: u64, epoll: Arc<Epoll>, is_connected: bool) -> Self {
        let mut sending = Sending { is_ready: is_connected, is_connected, ..Sending::default() };
        sending.queue.push_raw(&PREFACE);
        Self {
            remote,
            token,
            fd,
            epoll,
            network: OnceLock::new(),
            is_proven: AtomicBool::new(false),
            sending: Mutex::new(sending),
        }
    }

    pub fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    pub fn network(&self) -> Option<NetworkId> {
        self.network.get().copied()
    }

    /// False where it belongs to another affiliation.
    pub fn belongs_to(&self, network: NetworkId) -> bool {
        *self.network.get_or_init(|| network) == network
    }

    /// An authentic packet of a session came by it.
    pub fn prove(&self) {
        if !self.is_proven() {
            self.is_proven.store(true, Ordering::Relaxed);
        }
    }

    pub fn is_proven(&self) -> bool {
        self.is_proven.load(Ordering::Relaxed)
    }

    /// Appends a packet as `Queue::push` does. Says whether it was made.
    pub fn push(
        &self,
        size: usize,
        may_drop: bool,
        drops: &Drops,
        fill: impl FnOnce(&mut [u8]) -> bool,
    ) -> Result<bool, Reason> {
        let mut sending = lock(&self.sending);
        if sending.is_over || sending.closing.is_some() {
            return Err(Reason::NoStream);
        }
        let (dropped, filled) = sending.queue.push(size, may_drop, fill)?;
        let is_due = sending.is_ready && sending.queue.bytes() >= DUE;
        drop(sending);
        if dropped > 0 {
            drops.add(Reason::SendQueueFull, dropped as u64);
        }
        if is_due {
            self.flush(drops);
        }
        Ok(filled)
    }

    /// Bytes that wait for the kernel.
    pub fn waiting(&self) -> usize {
        lock(&self.sending).queue.bytes()
    }

    /// Gives the kernel what it takes; it never waits.
    pub fn flush(&self, drops: &Drops) {
        let mut sending = lock(&self.sending);
        if sending.is_over || sending.queue.is_empty() {
            return;
        }
        if sending.is_ready {
            match sending.queue.write(|pieces| self.send(pieces)) {
                Ok(()) => return,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    sending.is_ready = false;
                    self.epoll.watch(self.raw_fd(), self.token, true);
                }
                Err(_) => {
                    // The reading thread sees the end and tells it.
                    sending.is_over = true;
                    self.shutdown(libc::SHUT_RDWR);
                    return;
                }
            }
        }
        let old = sending.queue.age(Instant::now());
        drop(sending);
        drops.add(Reason::StreamStale, old as u64);
    }

    /// The kernel takes more, or the connection stands.
    pub fn ready(&self, drops: &Drops) {
        {
            let mut sending = lock(&self.sending);
            sending.is_ready = true;
            sending.is_connected = true;
            let old = sending.queue.age(Instant::now());
            drops.add(Reason::StreamStale, old as u64);
        }
        self.epoll.watch(self.raw_fd(), self.token, false);
        self.flush(drops);
    }

    pub fn is_connected(&self) -> bool {
        lock(&self.sending).is_connected
    }

    /// This end wants no more of it: what is queued goes out if the kernel takes it, what comes in is still read.
    pub fn close(&self, drops: &Drops, now: Instant) {
        self.flush(drops);
        let mut sending = lock(&self.sending);
        sending.closing = Some(now);
        self.shutdown(if sending.is_connected { libc::SHUT_WR } else { libc::SHUT_RDWR });
    }

    pub fn closing_since(&self) -> Option<Instant> {
        lock(&self.sending).closing
    }

    /// Both directions end at once.
    pub fn end(&self) {
        lock(&self.sending).is_over = true;
        self.shutdown(libc::SHUT_RDWR);
    }

    /// Frees what a burst needed.
    pub fn shrink(&self) {
        lock(&self.sending).queue.shrink();
    }

    fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            // SAFETY: `IoSlice` has the layout of `iovec`, and the slices live over the call.
            let sent = unsafe {
                let mut header: libc::msghdr = std::mem::zeroed();
                header.msg_iov = pieces.as_ptr().cast_mut().cast();
                header.msg_iovlen = pieces.len() as _;
                libc::sendmsg(self.raw_fd(), &header, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
            };
            if sent >= 0 {
                return Ok(sent as usize);
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }

    /// Reads what is there; 0 at the end of the stream.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // SAFETY: the buffer lives over the call and its length is given.
        let read = unsafe { libc::recv(self.raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT) };
        if read < 0 { Err(io::Error::last_os_error()) } else { Ok(read as usize) }
    }

    fn shutdown(&self, how: libc::c_int) {
        // SAFETY: plain system call on a descriptor that this value owns. It fails only where nothing is connected.
        unsafe { libc::shutdown(self.raw_fd(), how) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(packets: &[&[u8]]) -> Vec<u8> {
        let mut bytes = PREFACE.to_vec();
        for packet in packets {
            bytes.extend_from_slice(&(packet.len() as u16).to_be_bytes());
            bytes.extend_from_slice(packet);
        }
        bytes
    }

    /// What comes out where the stream arrives in those pieces.
    fn received(pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, Malformed> {
        let (mut kept, mut is_open, mut out) = (Vec::new(), false, Vec::new());
        for piece in pieces {
            kept.extend_from_slice(piece);
            let used = split(&mut kept, &mut is_open, |packet| out.push(packet.to_vec()))?;
            kept.drain(..used);
        }
        Ok(out)
    }

    #[test]
    fn packets_come_out_whole_wherever_the_stream_is_cut() {
        let packets: Vec<Vec<u8>> = [32, 33, 300, 32].iter().map(|n| (0..*n).map(|i| i as u8).collect()).collect();
        let bytes = framed(&packets.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for cut in 0..=bytes.len() {
            assert_eq!(received(&[&bytes[..cut], &bytes[cut..]]).unwrap(), packets, "cut at {cut}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(received(&single).unwrap(), packets);
    }

    #[test]
    fn the_longest_packet_passes() {
        let packet = vec![7; PACKET_MAX];
        assert_eq!(received(&[&framed(&[&packet])]).unwrap(), vec![packet]);
    }

    #[test]
    fn another_preface_or_a_length_under_32_ends_the_stream() {
        let good = framed(&[&[1; 32]]);
        for place in 0..PREFACE.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            assert_eq!(received(&[&bad[..place + 1]]), Err(Malformed), "byte {place} of the preface");
        }
        for length in 0..PACKET_MIN as u16 {
            let bytes = [&PREFACE[..], &length.to_be_bytes()].concat();
            assert_eq!(received(&[&bytes]), Err(Malformed), "length {length}");
        }
        assert_eq!(received(&[b"GET / HTTP/1.1\r\n"]), Err(Malformed));
    }

    fn push(queue: &mut Queue, size: usize, may_drop: bool, mark: u8) -> Result<(usize, bool), Reason> {
        queue.push(size, may_drop, |packet| {
            packet.fill(mark);
            true
        })
    }

    /// The marks of the packets that a queue still holds, in order, as a reader would see them.
    fn drained(queue: &mut Queue, a_call: usize) -> Vec<u8> {
        let mut bytes = PREFACE.to_vec();
        queue
            .write(|pieces| {
                let mut left = a_call;
                for piece in pieces {
                    let taken = piece.len().min(left);
                    bytes.extend_from_slice(&piece[..taken]);
                    left -= taken;
                }
                Ok(a_call - left)
            })
            .unwrap();
        received(&[&bytes]).unwrap().iter().map(|packet| packet[0]).collect()
    }

    #[test]
    fn many_packets_leave_in_one_call_and_in_order_when_the_kernel_takes_few() {
        let mut queue = Queue::default();
        for mark in 0..200 {
            push(&mut queue, 1_000, true, mark).unwrap();
        }
        let mut calls = 0;
        queue
            .write(|pieces| {
                calls += 1;
                Ok(pieces.iter().map(|piece| piece.len()).sum())
            })
            .unwrap();
        assert_eq!((calls, queue.bytes()), (1, 0));
        for mark in 0..200 {
            push(&mut queue, 1_000, true, mark).unwrap();
        }
        assert_eq!(drained(&mut queue, 333), (0..200).collect::<Vec<u8>>());
    }

    #[test]
    fn what_carries_ip_is_dropped_when_old_and_control_stays() {
        let mut queue = Queue::default();
        let start = Instant::now();
        for mark in 0..10 {
            push(&mut queue, 100, mark % 2 == 0, mark).unwrap();
        }
        // The kernel took a part of the first: the rest must follow, however old it gets.
        let mut first = true;
        let blocked =
            queue.write(|_| if std::mem::take(&mut first) { Ok(50) } else { Err(io::ErrorKind::WouldBlock.into()) });
        assert!(blocked.is_err());
        assert_eq!(queue.age(start), 0);
        push(&mut queue, 100, true, 10).unwrap();
        assert_eq!(queue.age(start + Duration::from_millis(199)), 0);
        assert_eq!(queue.age(start + STALE), 4);
        let mut rest = Vec::new();
        queue
            .write(|pieces| {
                pieces.iter().for_each(|piece| rest.extend_from_slice(piece));
                Ok(pieces.iter().map(|piece| piece.len()).sum())
            })
            .unwrap();
        let head = &framed(&[&[0; 100]])[PREFACE.len()..][..50];
        let marks: Vec<u8> = received(&[&PREFACE, head, &rest]).unwrap().iter().map(|packet| packet[0]).collect();
        assert_eq!(marks, [0, 1, 3, 5, 7, 9, 10]);
    }

    #[test]
    fn a_full_queue_refuses_ip_and_makes_room_for_control() {
        let mut queue = Queue::default();
        let mut kept = 0;
        while push(&mut queue, 1_000, true, 1).is_ok() {
            kept += 1;
        }
        assert_eq!(kept, QUEUE_MAX / 1_002);
        assert!(queue.bytes() <= QUEUE_MAX);
        assert_eq!(push(&mut queue, 5_000, false, 2), Ok((5, true)));
        let mut controls = 1;
        while push(&mut queue, 5_000, false, 2).is_ok() {
            controls += 1;
        }
        assert_eq!(controls, QUEUE_MAX / 5_002);
        assert!(drained(&mut queue, 10_000).iter().filter(|mark| **mark == 2).count() == controls);
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn gaps_are_closed_and_memory_stays_within_twice_the_limit() {
        let mut queue = Queue::default();
        let start = Instant::now();
        for round in 0..200u32 {
            let now = start + Duration::from_millis(u64::from(round) * 250);
            for mark in 0..100 {
                let _ = push(&mut queue, 1_500, mark % 10 != 0, mark);
            }
            queue.age(now);
            let mut once = true;
            let _ = queue.write(|pieces| {
                if std::mem::take(&mut once) {
                    Ok(pieces[0].len().min(700))
                } else {
                    Err(io::ErrorKind::WouldBlock.into())
                }
            });
            assert!(queue.bytes() <= QUEUE_MAX && queue.buffer.len() <= 2 * QUEUE_MAX + PACKET_MAX);
        }
        queue.shrink();
        assert!(!queue.buffer.is_empty(), "what waits is not forgotten");
    }

    #[test]
    fn nothing_is_appended_where_the_packet_cannot_be_made() {
        let mut queue = Queue::default();
        assert_eq!(queue.push(100, true, |_| false), Ok((0, false)));
        assert!(queue.is_empty());
        assert_eq!(push(&mut queue, PACKET_MAX + 1, true, 1), Err(Reason::TooLarge));
    }
}
