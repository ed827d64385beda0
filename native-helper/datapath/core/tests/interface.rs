//! Real TAP interfaces, each test in a network namespace of its own thread. Needs root; says so and does nothing
//! without.

mod common;

use std::fs::OpenOptions;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use ringway_core::addr::RingAddr;
use ringway_core::control::NetworkHandle;
use ringway_core::datapath::{DataPath, Options};
use ringway_core::drops::Drops;
use ringway_core::events::Event;
use ringway_core::netlink;
use ringway_core::socket::{RxBatch, Sockets, Train, TxBatch};
use ringway_core::tap::{MTU_DEFAULT, Tap, TapOptions, remove_interface};

const NAME: &str = "rwtest0";

fn options(name: &str) -> TapOptions<'_> {
    TapOptions {
        name,
        mac: [2, 1, 1, 1, 1, 1],
        mtu: MTU_DEFAULT,
        ip: Ipv4Addr::new(172, 16, 1, 5),
        prefix: 16,
        offload: true,
        dscp: false,
    }
}

/// Runs `test` on a thread whose network is empty.
fn in_own_namespace(test: fn()) {
    let thread = thread::spawn(move || {
        // SAFETY: changes the namespace of this thread alone, and of the threads it starts.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            eprintln!("SKIPPED: network namespaces need root: {}", std::io::Error::last_os_error());
            return;
        }
        if OpenOptions::new().read(true).write(true).open("/dev/net/tun").is_err() {
            eprintln!("SKIPPED: /dev/net/tun cannot be opened");
            return;
        }
        test();
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn exists(name: &str) -> bool {
    let name = std::ffi::CString::new(name).unwrap();
    // SAFETY: the name ends with a zero.
    unsafe { libc::if_nametoindex(name.as_ptr()) != 0 }
}

#[test]
fn an_interface_has_its_address_and_goes_with_its_last_user() {
    in_own_namespace(|| {
        let tap = Tap::create(&options(NAME)).unwrap();
        let own: Vec<_> = netlink::addresses().unwrap().into_iter().filter(|a| a.interface == NAME).collect();
        assert_eq!(own.len(), 1, "no address of the kernel's own making: {own:?}");
        assert_eq!((own[0].ip, own[0].prefix, own[0].up), (IpAddr::from([172, 16, 1, 5]), 16, true));
        let routes = netlink::routes().unwrap();
        assert!(routes.iter().any(|r| r.interface == NAME && r.destination == Ipv4Addr::new(172, 16, 0, 0)));
        assert_eq!(Tap::create(&options(NAME)).err().unwrap().code, "INTERFACE_EXISTS");
        drop(tap);
        assert!(!exists(NAME));
    });
}

#[test]
fn an_interface_without_offload_is_as_good() {
    in_own_namespace(|| {
        let tap = Tap::create(&TapOptions { offload: false, ..options(NAME) }).unwrap();
        assert!(!tap.joins_tcp);
        assert!(netlink::addresses().unwrap().iter().any(|address| address.interface == NAME && address.up));
    });
}

#[test]
fn a_leftover_interface_can_be_removed() {
    in_own_namespace(|| {
        leave_interface_behind(NAME);
        assert!(exists(NAME));
        assert_eq!(Tap::create(&options(NAME)).err().unwrap().code, "INTERFACE_EXISTS");
        assert_eq!(remove_interface(NAME), Ok(true));
        assert!(!exists(NAME));
        assert_eq!(remove_interface(NAME), Ok(false));
    });
}

#[test]
fn an_interface_that_is_taken_away_is_reported_and_can_be_made_again() {
    in_own_namespace(|| {
        let (data_path, net, events) = one_network();
        for _ in 0..2 {
            open_and_lose(&net);
            let event = events.recv_timeout(common::WAIT).unwrap();
            assert_eq!(event, Event::InterfaceLost { network: 3, reason: "removed" });
        }
        net.open_tap(&options(NAME)).unwrap();
        assert_eq!(net.open_tap(&options("rwtest1")).unwrap_err().code, "INTERFACE_EXISTS");
        net.close_tap();
        assert!(!exists(NAME), "gone on return");
        net.close_tap();
        net.open_tap(&options(NAME)).unwrap();
        data_path.close();
        assert!(!exists(NAME));
    });
}

#[test]
fn an_interface_that_is_taken_down_or_loses_its_address_is_reported() {
    in_own_namespace(|| {
        let (_data_path, net, events) = one_network();
        for (command, reason) in [("link set rwtest0 down", "down"), ("address flush dev rwtest0", "address")] {
            net.open_tap(&options(NAME)).unwrap();
            // Run from this thread, `ip` sees its namespace.
            let status = Command::new("ip").args(command.split(' ')).status().unwrap();
            assert!(status.success(), "ip {command}");
            let event = events.recv_timeout(common::WAIT).unwrap();
            assert_eq!(event, Event::InterfaceLost { network: 3, reason });
            net.close_tap();
        }
    });
}

/// A data path with one network, number 3, and what it tells.
fn one_network() -> (DataPath, NetworkHandle, Receiver<Event>) {
    let (tell, events) = channel();
    let deliver = Box::new(move |batch: Vec<Event>| batch.into_iter().for_each(|event| drop(tell.send(event))));
    let data_path = DataPath::open(&Options::with_port(0), deliver).unwrap();
    let net = data_path.add_network(3, RingAddr([1; 20]), common::mac1_of(1)).unwrap();
    (data_path, net, events)
}

fn open_and_lose(net: &NetworkHandle) {
    net.open_tap(&options(NAME)).unwrap();
    netlink::delete_link(NAME).unwrap();
}

/// What a killed process leaves when its interface was persistent.
fn leave_interface_behind(name: &str) {
    let device = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun").unwrap();
    // SAFETY: both requests take what they are given here.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (out, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *out = byte as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
        assert_eq!(libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF as _, &mut request), 0);
        assert_eq!(libc::ioctl(device.as_raw_fd(), libc::TUNSETPERSIST as _, 1), 0);
    }
}

#[test]
fn datagrams_too_large_for_a_message_of_many_go_one_by_one() {
    in_own_namespace(|| {
        let narrow = ["link", "set", "lo", "mtu", "1280", "up"];
        assert!(Command::new("ip").args(narrow).status().unwrap().success());
        let (a, b) = (Sockets::bind(0).unwrap(), Sockets::bind(0).unwrap());
        let (drops, mut batch) = (Drops::default(), TxBatch::default());
        for number in 0..5 {
            let to = ([127, 0, 0, 1], b.port).into();
            assert!(batch.push(to, 2, 1_400, |bytes| {
                bytes.fill(number);
                true
            }));
        }
        batch.flush(&a, &drops);
        let (mut received, mut got) = (RxBatch::default(), Vec::new());
        let deadline = Instant::now() + Duration::from_secs(5);
        while got.len() < 5 && Instant::now() < deadline {
            let each =
                |train: Train<'_>| got.extend(train.bytes.chunks(train.size).map(|one| (one.to_vec(), train.tos)));
            received.receive(&b.v4, each).unwrap();
        }
        let expected: Vec<_> = (0..5).map(|number| (vec![number; 1_400], 2)).collect();
        assert!(got == expected, "{} datagrams came", got.len());
        assert!(a.v4.segments(), "the path was too narrow, not the kernel too old");
        assert!(drops.all().iter().all(|(_, count)| *count == 0));
    });
}
