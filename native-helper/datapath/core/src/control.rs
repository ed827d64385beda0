//! What TypeScript asks of one affiliation: the effects of the engine, carried out on the calling thread.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crate::addr::RingAddr;
use crate::aead::SessionKeys;
use crate::drops::Reason;
use crate::error::Error;
use crate::events::NetworkId;
use crate::fib::{Fib, Slot};
use crate::frame::{self, CTRL_MAX, CTRL_MIN};
use crate::gate::Mac1Keys;
use crate::ip;
use crate::ipmap::{IpMap, Prefix};
use crate::receive::write_ip;
use crate::send::Sender;
use crate::session::{Key, Path, Session, Via, lock};
use crate::shared::{IndexEntry, Network, Shared};
use crate::socket::Udp;
use crate::tap::{Tap, TapOptions};
use crate::transmit::release;

/// How long `close_tap` waits for the packet threads to let go of the interface; they do so within a batch.
const RELEASE_WAIT: Duration = Duration::from_secs(1);
/// mac1 costs one hash for each.
const NETWORKS_MAX: usize = 16;
const SESSIONS_MAX: usize = 4_096;
const KEYS_MAX: usize = 8;

/// A handle on one affiliation of a data path.
#[derive(Clone)]
pub struct NetworkHandle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) network: Arc<Network>,
}

impl NetworkHandle {
    /// Adds an affiliation to a data path; `id` names it in events and is not in use.
    pub fn add(shared: &Arc<Shared>, id: NetworkId, self_addr: RingAddr, mac1: Mac1Keys) -> Result<Self, Error> {
        let _change = lock(&shared.change);
        let mut networks = shared.networks.load().as_ref().clone();
        if networks.len() == NETWORKS_MAX {
            return Err(Error::new("LIMIT", format!("At most {NETWORKS_MAX} affiliations share one data path.")));
        }
        if networks.iter().any(|network| network.id == id) {
            return Err(Error::new("LIMIT", format!("Affiliation {id} exists already.")));
        }
        let network = Arc::new(Network::new(id, self_addr, mac1));
        networks.push(network.clone());
        shared.networks.store(Arc::new(networks));
        Ok(Self { shared: shared.clone(), network })
    }

    pub fn id(&self) -> NetworkId {
        self.network.id
    }

    /// Adds a key to a session, making the session where the slot is new. It receives at once; what it sends may use the
    /// `features` that both ends listed in its handshake.
    pub fn key_add(
        &self,
        slot: Slot,
        peer: RingAddr,
        keys: &SessionKeys,
        index_rx: u32,
        index_tx: u32,
        features: u32,
    ) -> Result<(), Error> {
        let _change = lock(&self.shared.change);
        if self.shared.index.load().contains_key(&index_rx) {
            return Err(Error::new("INDEX_IN_USE", format!("Receive index {index_rx} is in use.")));
        }
        let session = match self.network.session(slot) {
            Some(session) if session.peer == peer => session,
            Some(_) => return Err(Error::new("SLOT_IN_USE", format!("Slot {slot} belongs to another peer."))),
            None => self.session_new(slot, peer)?,
        };
        let mut all = lock(&session.keys);
        if all.len() == KEYS_MAX {
            return Err(Error::new("LIMIT", format!("Slot {slot} has {KEYS_MAX} keys already.")));
        }
        let key = Arc::new(Key::new(keys, index_rx, index_tx, features));
        all.push(key.clone());
        drop(all);
        let entry = Arc::new(IndexEntry { network: self.network.clone(), session, key });
        self.change_index(|index| {
            index.insert(index_rx, entry.clone());
        });
        Ok(())
    }

    fn session_new(&self, slot: Slot, peer: RingAddr) -> Result<Arc<Session>, Error> {
        let mut sessions = self.network.sessions.load().as_ref().clone();
        if sessions.len() == SESSIONS_MAX {
            return Err(Error::new("LIMIT", format!("An affiliation has at most {SESSIONS_MAX} sessions.")));
        }
        let session = Arc::new(Session::new(slot, peer, self.shared.budget.clone()));
        sessions.insert(slot, session.clone());
        self.network.sessions.store(Arc::new(sessions));
        let mut by_peer = self.network.by_peer.load().as_ref().clone();
        by_peer.insert(peer, slot);
        self.network.by_peer.store(Arc::new(by_peer));
        Ok(session)
    }

    /// From now on the session sends under this key. Unknown slots and indices are left alone, here and below: the
    /// session may have gone while the effect was on its way.
    pub fn key_use(&self, slot: Slot, index_rx: u32) {
        let change = lock(&self.shared.change);
        let Some(session) = self.network.session(slot) else { return };
        let key = lock(&session.keys).iter().find(|key| key.index_rx == index_rx).cloned();
        if key.is_none() {
            return;
        }
        session.tx.store(key);
        drop(change);
        self.release_held();
    }

    pub fn key_drop(&self, slot: Slot, index_rx: u32) {
        let _change = lock(&self.shared.change);
        if let Some(session) = self.network.session(slot) {
            let mut keys = lock(&session.keys);
            let Some(place) = keys.iter().position(|key| key.index_rx == index_rx) else { return };
            keys.remove(place);
            if session.tx.load().as_ref().is_some_and(|key| key.index_rx == index_rx) {
                session.tx.store(None);
            }
            self.change_index(|index| {
                index.remove(&index_rx);
            });
        }
    }

    /// Forgets session, keys and paths.
    pub fn session_drop(&self, slot: Slot) {
        let _change = lock(&self.shared.change);
        let mut sessions = self.network.sessions.load().as_ref().clone();
        let Some(session) = sessions.remove(&slot) else { return };
        let mut by_peer = self.network.by_peer.load().as_ref().clone();
        if by_peer.get(&session.peer) == Some(&slot) {
            by_peer.remove(&session.peer);
            // An older session with the same peer may live on.
            if let Some(other) = sessions.values().find(|other| other.peer == session.peer) {
                by_peer.insert(other.peer, other.slot);
            }
        }
        self.network.sessions.store(Arc::new(sessions));
        self.network.by_peer.store(Arc::new(by_peer));
        let keys = std::mem::take(&mut *lock(&session.keys));
        self.change_index(|index| {
            for key in &keys {
                index.remove(&key.index_rx);
            }
        });
        session.tx.store(None);
        session.path.store(None);
    }

    /// The path by which the session sends from now on.
    pub fn path_use(&self, slot: Slot, path: Path) {
        let change = lock(&self.shared.change);
        let Some(session) = self.network.session(slot) else { return };
        session.path.store(Some(Arc::new(path)));
        drop(change);
        self.release_held();
    }

    /// Begins a TCP stream to that end unless there is one; what is sent by it waits until it stands.
    pub fn stream_open(&self, remote: SocketAddr) {
        self.shared.streams.dial(&self.shared, self.network.id, remote);
    }

    /// Ends the stream to that end, after what waits for it; no event tells of it.
    pub fn stream_close(&self, remote: SocketAddr) {
        self.shared.streams.close(&self.shared, self.network.id, &remote);
    }

    /// The largest UDP payload of the session's active path.
    pub fn path_mtu(&self, slot: Slot, payload_bytes: u32) {
        if let Some(session) = self.network.session(slot) {
            session.path_payload.store(payload_bytes.clamp(1_200, 65_507), Ordering::Relaxed);
        }
    }

    pub fn send_handshake(&self, via: &Via, packet: &[u8]) {
        self.send(|sender| sender.handshake(&self.network, via, packet));
    }

    /// Sends a CTRL frame by a path, or by the active one.
    pub fn send_ctrl(&self, slot: Slot, path: Option<&Path>, bytes: &[u8]) {
        self.send(|sender| {
            if !(CTRL_MIN..=CTRL_MAX).contains(&bytes.len()) {
                return Err(Reason::TooLarge);
            }
            let session = self.network.session(slot).ok_or(Reason::NoKey)?;
            sender.frame(&self.network, &session, path, frame::CTRL, bytes)
        });
    }

    pub fn send_probe(&self, slot: Slot, path: &Path, id: u32, size_bytes: usize) {
        self.send(|sender| {
            let session = self.network.session(slot).ok_or(Reason::NoKey)?;
            sender.probe(&self.network, &session, path, id, size_bytes)
        });
    }

    pub fn send_empty(&self, slot: Slot, path: Option<&Path>) {
        self.send(|sender| {
            let session = self.network.session(slot).ok_or(Reason::NoKey)?;
            sender.empty(&self.network, &session, path)
        });
    }

    pub fn set_fib(&self, fib: Fib) {
        self.network.fib.store(Arc::new(fib));
    }

    pub fn set_ip_map(&self, map: IpMap) {
        self.network.ip_map.store(Arc::new(map));
        self.release_held();
    }

    /// The inner sources that a session may use; what waited for them goes to the interface.
    pub fn set_sources(&self, slot: Slot, prefixes: Vec<Prefix>) {
        let Some(session) = self.network.session(slot) else { return };
        session.sources.store(Arc::new(prefixes));
        let tap = self.network.tap.load();
        for mut packet in session.release(Instant::now()) {
            let allowed =
                ip::parse(&packet).filter(|info| session.sources.load().iter().any(|prefix| prefix.contains(info.src)));
            let result = match (allowed, tap.as_ref()) {
                (Some(info), Some(tap)) => write_ip(tap, &session.peer, &mut packet, &info),
                (None, _) => Err(Reason::UnknownSource),
                (_, None) => Err(Reason::InterfaceDown),
            };
            if let Err(reason) = result {
                self.shared.drops.count(reason);
            }
        }
    }

    /// Makes the interface and takes it up.
    pub fn open_tap(&self, options: &TapOptions<'_>) -> Result<(), Error> {
        let _change = lock(&self.shared.change);
        if self.network.tap.load().is_some() {
            return Err(Error::new("INTERFACE_EXISTS", "This affiliation has an interface already.".into()));
        }
        let tap = Tap::create(options)?;
        self.network.copies_dscp.store(options.dscp, Ordering::Relaxed);
        self.attach(tap);
        Ok(())
    }

    /// What the kernel has not, or turned out not to have, and the data path does by itself, at the price of speed.
    pub fn lacks(&self) -> Vec<&'static str> {
        let sockets = &self.shared.sockets;
        let lacks = [
            ("segmentation", !sockets.each().all(Udp::segments)),
            ("coalescing", !sockets.each().all(Udp::coalesces)),
            ("interfaceOffload", self.network.tap.load().as_ref().is_some_and(|tap| !tap.offloads())),
        ];
        lacks.into_iter().filter_map(|(name, is_missing)| is_missing.then_some(name)).collect()
    }

    /// Uses an interface that was made elsewhere.
    pub fn attach(&self, tap: Tap) {
        self.network.tap.store(Some(Arc::new(tap)));
        self.shared.wake_out.wake();
    }

    /// Removes the interface; it is gone on return.
    pub fn close_tap(&self) {
        let Some(tap) = self.network.tap.swap(None) else { return };
        self.shared.wake_out.wake();
        let deadline = Instant::now() + RELEASE_WAIT;
        while Arc::strong_count(&tap) > 1 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Ends the affiliation: sessions, interface and tables.
    pub fn remove(&self) {
        self.close_tap();
        self.shared.streams.close_all(&self.shared, self.network.id);
        let _change = lock(&self.shared.change);
        let id = self.network.id;
        self.change_index(|index| index.retain(|_, entry| entry.network.id != id));
        let rest = self.shared.networks.load().iter().filter(|network| network.id != id).cloned().collect();
        self.shared.networks.store(Arc::new(rest));
    }

    fn change_index(&self, change: impl FnOnce(&mut crate::session::IndexMap<Arc<IndexEntry>>)) {
        let mut index = self.shared.index.load().as_ref().clone();
        change(&mut index);
        self.shared.index.store(Arc::new(index));
    }

    fn send(&self, what: impl FnOnce(&mut Sender<'_>) -> Result<(), Reason>) {
        let mut tx = lock(&self.shared.control);
        let mut sender = Sender { shared: &self.shared, tx: &mut tx };
        if let Err(reason) = what(&mut sender) {
            self.shared.drops.count(reason);
        }
        sender.flush();
    }

    fn release_held(&self) {
        let mut tx = lock(&self.shared.control);
        let mut sender = Sender { shared: &self.shared, tx: &mut tx };
        release(&mut sender, &self.network, Instant::now());
        sender.flush();
    }
}
