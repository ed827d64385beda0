//! What the kernel says about this computer's addresses and routes, the removal of a link, and who is at the other
//! end of a local socket. IPv4 routes and all addresses; by rtnetlink and getifaddrs.

use std::ffi::CStr;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

use crate::socket::from_storage;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceAddress {
    pub interface: String,
    pub ip: IpAddr,
    pub prefix: u8,
    pub loopback: bool,
    pub up: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Empty for routes without an interface (unreachable, blackhole).
    pub interface: String,
    pub destination: Ipv4Addr,
    pub prefix: u8,
}

/// Every address of every interface.
pub fn addresses() -> io::Result<Vec<InterfaceAddress>> {
    let mut found = Vec::new();
    // SAFETY: the list of getifaddrs is walked as its manual says and freed once.
    unsafe {
        let mut list = ptr::null_mut();
        if libc::getifaddrs(&mut list) != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut entry: *const libc::ifaddrs = list;
        while let Some(item) = entry.as_ref() {
            if let Some(ip) = socket_ip(item.ifa_addr) {
                let prefix = socket_ip(item.ifa_netmask).map_or(0, ones);
                let flags = item.ifa_flags as libc::c_int;
                found.push(InterfaceAddress {
                    interface: CStr::from_ptr(item.ifa_name).to_string_lossy().into_owned(),
                    ip,
                    prefix,
                    loopback: flags & libc::IFF_LOOPBACK != 0,
                    up: flags & libc::IFF_UP != 0,
                });
            }
            entry = item.ifa_next;
        }
        libc::freeifaddrs(list);
    }
    Ok(found)
}

/// SAFETY: `address` is null or a socket address as long as its family says.
unsafe fn socket_ip(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: promised by the caller.
    unsafe {
        let family = libc::c_int::from(address.as_ref()?.sa_family);
        let length = match family {
            libc::AF_INET => size_of::<libc::sockaddr_in>(),
            libc::AF_INET6 => size_of::<libc::sockaddr_in6>(),
            _ => return None,
        };
        let mut storage: libc::sockaddr_storage = zeroed();
        ptr::copy_nonoverlapping(address.cast::<u8>(), ptr::from_mut(&mut storage).cast(), length);
        from_storage(&storage).map(|socket| socket.ip())
    }
}

fn ones(mask: IpAddr) -> u8 {
    match mask {
        IpAddr::V4(mask) => u32::from(mask).count_ones() as u8,
        IpAddr::V6(mask) => u128::from(mask).count_ones() as u8,
    }
}

/// IPv4 routes of the main table, without those to single local addresses.
pub fn routes() -> io::Result<Vec<Route>> {
    const RT_TABLE_MAIN: u8 = 254;
    let mut body = [0u8; 12];
    body[0] = libc::AF_INET as u8;
    let replies = exchange(libc::RTM_GETROUTE, (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16, &body)?;
    let mut found = Vec::new();
    for message in replies.iter().filter(|message| message.kind == libc::RTM_NEWROUTE) {
        let bytes = &message.body;
        if bytes.len() < 12 || bytes[0] != libc::AF_INET as u8 || bytes[4] != RT_TABLE_MAIN {
            continue;
        }
        let mut route = Route { interface: String::new(), destination: Ipv4Addr::UNSPECIFIED, prefix: bytes[1] };
        for (kind, value) in attributes(&bytes[12..]) {
            match (kind, <[u8; 4]>::try_from(value)) {
                (libc::RTA_DST, Ok(ip)) => route.destination = ip.into(),
                (libc::RTA_OIF, Ok(index)) => route.interface = interface_name(u32::from_ne_bytes(index)),
                _ => {}
            }
        }
        found.push(route);
    }
    Ok(found)
}

/// Deletes a link by name, as `ip link del` does.
pub fn delete_link(name: &str) -> io::Result<()> {
    change_link(libc::RTM_DELLINK, name, &[])
}

/// Limits the super-packets that the kernel hands to a link, as `ip link set gso_max_size` does.
pub fn set_gso_max_size(name: &str, bytes: u32) -> io::Result<()> {
    const IFLA_GSO_MAX_SIZE: u16 = 41;
    let mut attribute = [0u8; 8];
    attribute[..2].copy_from_slice(&8u16.to_ne_bytes());
    attribute[2..4].copy_from_slice(&IFLA_GSO_MAX_SIZE.to_ne_bytes());
    attribute[4..].copy_from_slice(&bytes.to_ne_bytes());
    change_link(libc::RTM_NEWLINK, name, &attribute)
}

fn change_link(kind: u16, name: &str, attributes: &[u8]) -> io::Result<()> {
    let name = std::ffi::CString::new(name)?;
    // SAFETY: the name ends with a zero.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if index == 0 {
        return Err(io::Error::last_os_error());
    }
    // struct ifinfomsg: family u8, pad u8, type u16, index i32, flags u32, change u32.
    let mut body = vec![0u8; 16];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    body.extend_from_slice(attributes);
    exchange(kind, (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16, &body).map(|_| ())
}

/// The uid of the process that connected the other end of a Unix socket (SO_PEERCRED).
pub fn peer_uid(fd: i32) -> io::Result<u32> {
    // SAFETY: the kernel writes at most `length` bytes.
    unsafe {
        let mut credentials: libc::ucred = zeroed();
        let mut length = size_of::<libc::ucred>() as libc::socklen_t;
        let out = ptr::from_mut(&mut credentials).cast();
        if libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, out, &mut length) != 0 {
            return Err(io::Error::last_os_error());
        }
        // The kernel gives pid 0 and uid -1 for a socket that was never connected to a process.
        if credentials.uid == u32::MAX {
            return Err(io::ErrorKind::NotConnected.into());
        }
        Ok(credentials.uid)
    }
}

fn interface_name(index: u32) -> String {
    let mut name = [0 as libc::c_char; libc::IFNAMSIZ];
    // SAFETY: the buffer has the size that the call asks for, and the call ends the name with a zero.
    unsafe {
        if libc::if_indextoname(index, name.as_mut_ptr()).is_null() {
            return String::new();
        }
        CStr::from_ptr(name.as_ptr()).to_string_lossy().into_owned()
    }
}

struct Message {
    kind: u16,
    body: Vec<u8>,
}

const HEADER: usize = 16;

/// Sends one request and collects the messages up to the end of the answer.
fn exchange(kind: u16, flags: u16, body: &[u8]) -> io::Result<Vec<Message>> {
    // SAFETY: plain system call; the descriptor is owned from here on.
    let socket = unsafe {
        let fd = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        OwnedFd::from_raw_fd(fd)
    };
    let mut request = vec![0u8; HEADER];
    request[..4].copy_from_slice(&((HEADER + body.len()) as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&kind.to_ne_bytes());
    request[6..8].copy_from_slice(&flags.to_ne_bytes());
    request.extend_from_slice(body);
    // SAFETY: the request lives over the call.
    if unsafe { libc::send(socket.as_raw_fd(), request.as_ptr().cast(), request.len(), 0) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut replies = Vec::new();
    let mut buffer = vec![0u8; 64 * 1024];
    loop {
        // SAFETY: the kernel writes at most the length of the buffer.
        let count = unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        if count <= 0 {
            return Err(io::Error::last_os_error());
        }
        if collect(&buffer[..count as usize], &mut replies)? {
            return Ok(replies);
        }
    }
}

/// Takes the messages of one datagram apart; true at the end of the answer.
fn collect(mut bytes: &[u8], replies: &mut Vec<Message>) -> io::Result<bool> {
    while bytes.len() >= HEADER {
        let length = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        if length < HEADER || length > bytes.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let kind = u16::from_ne_bytes([bytes[4], bytes[5]]);
        let body = &bytes[HEADER..length];
        match libc::c_int::from(kind) {
            libc::NLMSG_DONE => return Ok(true),
            libc::NLMSG_ERROR => {
                let code = body.get(..4).map_or(0, |code| i32::from_ne_bytes([code[0], code[1], code[2], code[3]]));
                return if code == 0 { Ok(true) } else { Err(io::Error::from_raw_os_error(-code)) };
            }
            _ => replies.push(Message { kind, body: body.to_vec() }),
        }
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    Ok(false)
}

/// The `(type, value)` pairs of rtnetlink.
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let head = bytes.get(..4)?;
        let length = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let kind = u16::from_ne_bytes([head[2], head[3]]);
        let value = bytes.get(4..length)?;
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
        Some((kind, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn finds_the_loopback_address() {
        let found = addresses().unwrap();
        let own = found.iter().find(|address| address.ip == IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
        assert_eq!((own.interface.as_str(), own.prefix, own.loopback, own.up), ("lo", 8, true, true));
    }

    #[test]
    fn routes_name_existing_interfaces() {
        let interfaces: Vec<String> = addresses().unwrap().into_iter().map(|address| address.interface).collect();
        for route in routes().unwrap() {
            assert!(route.prefix <= 32);
            assert!(route.interface.is_empty() || interfaces.contains(&route.interface), "{route:?}");
        }
    }

    #[test]
    fn knows_who_is_at_the_other_end() {
        let (a, _b) = UnixStream::pair().unwrap();
        // SAFETY: plain system call.
        assert_eq!(peer_uid(a.as_raw_fd()).unwrap(), unsafe { libc::getuid() });
        assert!(peer_uid(-1).is_err());
    }

    #[test]
    fn a_link_that_is_not_there_is_an_error() {
        assert!(delete_link("rw-no-such").is_err());
        assert!(set_gso_max_size("rw-no-such", 60_000).is_err());
    }

    proptest! {
        #[test]
        fn any_reply_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut replies = Vec::new();
            let _ = collect(&bytes, &mut replies);
            prop_assert!(attributes(&bytes).count() <= bytes.len());
        }
    }
}
