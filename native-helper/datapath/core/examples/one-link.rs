//! One end of one direct link with fixed keys, to measure the data path without the engine. Run one in each of two
//! namespaces that are joined by a wire:
//!
//! ```text
//! one-link (a|b) REMOTE:PORT PORT IP/PREFIX NAME [chacha|aes] [plain] [whole] [one|two]
//! ```
//!
//! `plain` leaves the offloads of interface and sockets unused, `whole` sends no partial checksums, `one` and `two` choose how many
//! threads move packets. It ends when its standard input does.

use std::io::Read;

use ringway_core::addr::RingAddr;
use ringway_core::aead::{Cipher, SessionKeys};
use ringway_core::datapath::{DataPath, Options, few_cores};
use ringway_core::gate::Mac1Keys;
use ringway_core::ipmap::{IpEntry, IpMap, Prefix};
use ringway_core::session::{PARTIAL_CHECKSUMS, Path};
use ringway_core::tap::{MTU_DEFAULT, TapOptions};
use zeroize::Zeroizing;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |place: usize| words.get(place).map(String::as_str).ok_or("one-link: too few arguments");
    let first = word(0)? == "a";
    let (remote, port): (_, u16) = (word(1)?.parse()?, word(2)?.parse()?);
    let (ip, prefix) = word(3)?.split_once('/').ok_or("IP/PREFIX is missing its prefix")?;
    let has = |option: &str| words.iter().any(|word| word == option);
    let cipher = if has("aes") { Cipher::Aes256Gcm } else { Cipher::ChaCha20Poly1305 };
    let offload = !has("plain");

    let (own, peer) =
        if first { (RingAddr([1; 20]), RingAddr([2; 20])) } else { (RingAddr([2; 20]), RingAddr([1; 20])) };
    let keys =
        SessionKeys { cipher, tx: Zeroizing::new([u8::from(first); 32]), rx: Zeroizing::new([u8::from(!first); 32]) };
    let one_thread = has("one") || few_cores() && !has("two");
    let options = Options { port, segmentation: offload, coalescing: offload, one_thread };
    let data_path = DataPath::open(&options, Box::new(|_| ()))?;
    let net = data_path.add_network(1, own, Mac1Keys { own: [1; 32], anonymous: [2; 32] })?;
    let (rx, tx) = if first { (1, 2) } else { (2, 1) };
    let features = if has("whole") { 0 } else { PARTIAL_CHECKSUMS };
    net.key_add(1, peer, &keys, rx, tx, features)?;
    net.key_use(1, rx);
    net.path_use(1, Path::Udp(remote));
    let everything = || Prefix::parse("0.0.0.0/0").ok_or("no prefix");
    net.set_sources(1, vec![everything()?]);
    net.set_ip_map(IpMap::new([(everything()?, IpEntry { peer, slot: Some(1) })]));
    net.open_tap(&TapOptions {
        name: word(4)?,
        mac: own.mac(),
        mtu: MTU_DEFAULT,
        ip: ip.parse()?,
        prefix: prefix.parse()?,
        offload,
        dscp: false,
    })?;
    eprintln!("ready on UDP port {}", data_path.port());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    data_path.close();
    for (reason, count) in data_path.drops().into_iter().filter(|(_, count)| *count > 0) {
        eprintln!("dropped {reason}: {count}");
    }
    Ok(())
}
