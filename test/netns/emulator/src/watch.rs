//! `ringway-emulator watch HEX...`: sees every packet of the namespace it runs in, on every interface, until standard
//! input closes; then it prints as one JSON document what it saw and in how many packets of each interface any of the
//! given byte strings stood.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Super-packets are up to 64 KiB.
const PACKET_BYTES: usize = 128 * 1024;
const SOCKET_BUFFER: libc::c_int = 64 * 1024 * 1024;

#[derive(Default)]
struct Seen {
    packets: u64,
    bytes: u64,
    with_marker: u64,
}

pub fn run(words: &[String]) -> io::Result<()> {
    let markers = words.iter().map(|word| from_hex(word)).collect::<Option<Vec<_>>>();
    let markers = markers.filter(|all| !all.is_empty() && all.iter().all(|bytes| bytes.len() >= 4));
    let markers =
        markers.ok_or_else(|| io::Error::other("usage: ringway-emulator watch HEX..., 4 bytes at least each"))?;
    let socket = open()?;
    println!("watching");
    let mut seen: BTreeMap<i32, Seen> = BTreeMap::new();
    let mut buffer = vec![0; PACKET_BYTES];
    let mut polled = [0, socket.as_raw_fd()].map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    loop {
        // SAFETY: the array lives over the call.
        check(unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, -1) })?;
        // What came before the end of standard input is looked at too.
        while let Some((interface, length)) = receive(&socket, &mut buffer)? {
            let packet = &buffer[..length];
            let entry = seen.entry(interface).or_default();
            entry.packets += 1;
            entry.bytes += length as u64;
            entry.with_marker += u64::from(markers.iter().any(|marker| contains(packet, marker)));
        }
        if polled[0].revents != 0 && io::stdin().read(&mut [0; 64])? == 0 {
            break;
        }
    }
    println!("{}", report(&seen, missed(&socket)?));
    Ok(())
}

fn report(seen: &BTreeMap<i32, Seen>, missed: u32) -> String {
    let mut out = format!("{{\"missed\":{missed},\"interfaces\":{{");
    for (place, (index, Seen { packets, bytes, with_marker })) in seen.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        let name = name_of(*index);
        let _ =
            write!(out, "{comma}\"{name}\":{{\"packets\":{packets},\"bytes\":{bytes},\"withMarker\":{with_marker}}}");
    }
    out + "}}"
}

fn contains(packet: &[u8], marker: &[u8]) -> bool {
    packet.windows(marker.len()).any(|window| window == marker)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|digit| digit.to_digit(16).map(|value| value as u8)).collect::<Option<Vec<_>>>()?;
    (digits.len() % 2 == 0).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn open() -> io::Result<OwnedFd> {
    let every = (libc::ETH_P_ALL as u16).to_be();
    // SAFETY: plain system calls; the descriptor is owned from here on, and the value outlives the call that reads it.
    unsafe {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        let fd = check(libc::socket(libc::AF_PACKET, kind, every.into()))?;
        let socket = OwnedFd::from_raw_fd(fd);
        let value = std::ptr::from_ref(&SOCKET_BUFFER).cast();
        let length = size_of::<libc::c_int>() as libc::socklen_t;
        check(libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, value, length))?;
        Ok(socket)
    }
}

/// The next packet: its interface and how many bytes of `buffer` it fills.
fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<Option<(i32, usize)>> {
    // SAFETY: the kernel writes at most the lengths given, and zeros are a valid sockaddr_ll.
    unsafe {
        let mut from: libc::sockaddr_ll = zeroed();
        let mut length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        let name = std::ptr::from_mut(&mut from).cast();
        let got = libc::recvfrom(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0, name, &mut length);
        if got >= 0 {
            return Ok(Some((from.sll_ifindex, got as usize)));
        }
    }
    let error = io::Error::last_os_error();
    match error.kind() {
        io::ErrorKind::WouldBlock => Ok(None),
        // An interface went down, which the kernel says once.
        _ if error.raw_os_error() == Some(libc::ENETDOWN) => Ok(None),
        _ => Err(error),
    }
}

/// Packets that the kernel had no room for.
fn missed(socket: &OwnedFd) -> io::Result<u32> {
    // SAFETY: the kernel writes at most `length` bytes, and zeros are a valid tpacket_stats.
    unsafe {
        let mut stats: libc::tpacket_stats = zeroed();
        let mut length = size_of::<libc::tpacket_stats>() as libc::socklen_t;
        let out = std::ptr::from_mut(&mut stats).cast();
        check(libc::getsockopt(socket.as_raw_fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS, out, &mut length))?;
        Ok(stats.tp_drops)
    }
}

fn name_of(index: i32) -> String {
    let mut name = [0u8; libc::IFNAMSIZ];
    // SAFETY: the buffer has the size that the call asks for.
    let found = unsafe { libc::if_indextoname(index as libc::c_uint, name.as_mut_ptr().cast()) };
    if found.is_null() {
        return format!("interface {index}");
    }
    String::from_utf8_lossy(name.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_found_wherever_they_stand() {
        let marker = from_hex("00ffA1b2").unwrap();
        assert_eq!(marker, [0, 255, 0xa1, 0xb2]);
        for packet in [&[0, 255, 0xa1, 0xb2][..], &[0, 0, 255, 0xa1, 0xb2, 9], &[7, 0, 255, 0xa1, 0xb2]] {
            assert!(contains(packet, &marker));
        }
        assert!(!contains(&[0, 255, 0xa1], &marker) && !contains(&[0, 255, 0xa1, 0xb3], &marker));
        assert_eq!((from_hex("abc"), from_hex("xy")), (None, None));
    }

    #[test]
    fn reports_each_interface() {
        let seen = BTreeMap::from([(1, Seen { packets: 3, bytes: 400, with_marker: 1 })]);
        assert_eq!(report(&seen, 0), r#"{"missed":0,"interfaces":{"lo":{"packets":3,"bytes":400,"withMarker":1}}}"#);
    }
}
