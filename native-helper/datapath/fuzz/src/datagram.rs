//! Datagrams at the port, as anybody can send them, and as an authenticated but hostile peer can.

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use ringway_core::addr::RingAddr;
use ringway_core::aead::{AeadKey, Cipher, SessionKeys};
use ringway_core::control::NetworkHandle;
use ringway_core::datapath::{DataPath, Options};
use ringway_core::gate::Mac1Keys;
use ringway_core::ipmap::Prefix;
use ringway_core::receive::Receiver;
use ringway_core::session::{PARTIAL_CHECKSUMS, Path};
use ringway_core::socket::Train;
use ringway_core::tap::Tap;
use ringway_core::wire::{self, HEAD, TAG};
use zeroize::Zeroizing;

const INDEX: u32 = 0x0102_0304;

struct Node {
    receiver: Receiver,
    seal: AeadKey,
    counter: u64,
    from: SocketAddr,
    _open: (DataPath, NetworkHandle),
}

thread_local! {
    static NODE: RefCell<Node> = RefCell::new(Node::new());
}

impl Node {
    fn new() -> Self {
        let data_path = DataPath::open(&Options::with_port(0), Box::new(|_| ())).expect("sockets on any port");
        let net = data_path.add_network(1, RingAddr([1; 20]), Mac1Keys { own: [1; 32], anonymous: [2; 32] });
        let net = net.expect("the first network");
        let keys = SessionKeys { cipher: Cipher::Aes256Gcm, tx: Zeroizing::new([1; 32]), rx: Zeroizing::new([2; 32]) };
        net.key_add(1, RingAddr([2; 20]), &keys, INDEX, 7, PARTIAL_CHECKSUMS).expect("the first key");
        net.key_use(1, INDEX);
        // What is answered goes to our own port, where nobody has the key for it.
        let from = SocketAddr::from((Ipv4Addr::LOCALHOST, data_path.port()));
        net.path_use(1, Path::Udp(from));
        net.set_sources(1, vec![Prefix::parse("10.0.0.0/8").expect("a prefix")]);
        let nowhere = OpenOptions::new().write(true).open("/dev/null").expect("/dev/null");
        net.attach(Tap::from_fd(nowhere.into(), [2; 6], 1_332, Ipv4Addr::LOCALHOST));
        let seal = AeadKey::new(Cipher::Aes256Gcm, &[2; 32]);
        let receiver = Receiver::new(data_path.shared().clone());
        Self { receiver, seal, counter: 0, from, _open: (data_path, net) }
    }

    /// A train of datagrams of `size` bytes.
    fn receive(&mut self, bytes: &mut [u8], size: usize) {
        self.receiver.begin(Instant::now());
        let tos = size as u8;
        self.receiver.train(Train { from: self.from, bytes, size, tos });
        self.receiver.end();
    }
}

pub fn any_bytes(bytes: &[u8]) {
    let size = bytes.first().map_or(1, |first| if first & 1 == 0 { bytes.len() } else { usize::from(*first) });
    NODE.with_borrow_mut(|node| node.receive(&mut bytes.to_vec(), size));
}

/// The bytes are the frames of a DATA packet under the right key, or, after an odd first byte, a TRANSIT header and what
/// it carries. With the next bit of the first byte it comes twice in one train.
pub fn authentic(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    NODE.with_borrow_mut(|node| {
        let transit = first & 1 != 0 && bytes.len() >= wire::TRANSIT_HEADER;
        let (sealed, inner) = bytes.split_at(if transit { wire::TRANSIT_HEADER } else { bytes.len() });
        let mut datagram = vec![0; HEAD];
        let (kind, field) = if transit { (wire::TRANSIT, inner.len() as u16) } else { (wire::DATA, 0) };
        wire::write_head(&mut datagram, kind, field, INDEX, node.counter);
        datagram.extend_from_slice(sealed);
        let (head, text) = datagram.split_at_mut(HEAD);
        let tag: [u8; TAG] = node.seal.seal(node.counter, head, text);
        node.counter += 1;
        datagram.extend_from_slice(&tag);
        datagram.extend_from_slice(inner);
        let size = datagram.len();
        if first & 2 != 0 {
            datagram.extend_from_within(..);
        }
        node.receive(&mut datagram, size);
    });
}
