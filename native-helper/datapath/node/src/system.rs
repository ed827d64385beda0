//! What the helper asks of the system beside the data path.

use napi_derive::napi;
use ringway_core::netlink;
use ringway_core::tap;

use crate::values::{Result, failure, from_core};

/// An address or a route of this computer. Routes are those of IPv4 in the main table.
#[napi(object)]
pub struct LocalRange {
    /// Empty for a route without interface.
    pub interface: String,
    pub cidr: String,
    #[napi(ts_type = "'address' | 'route'")]
    pub kind: String,
}

/// Every address (also of loopback and of interfaces that are down), with the length of its prefix.
#[napi(catch_unwind)]
pub fn local_addresses() -> Result<Vec<LocalRange>> {
    let found = netlink::addresses().map_err(|error| failure("SYSTEM", format!("cannot list addresses: {error}")))?;
    Ok(found
        .into_iter()
        .map(|address| LocalRange {
            cidr: format!("{}/{}", address.ip, address.prefix),
            interface: address.interface,
            kind: "address".into(),
        })
        .collect())
}

#[napi(catch_unwind)]
pub fn routes() -> Result<Vec<LocalRange>> {
    let found = netlink::routes().map_err(|error| failure("SYSTEM", format!("cannot list routes: {error}")))?;
    Ok(found
        .into_iter()
        .map(|route| LocalRange {
            cidr: format!("{}/{}", route.destination, route.prefix),
            interface: route.interface,
            kind: "route".into(),
        })
        .collect())
}

/// The uid of the process at the other end of a connected Unix socket.
#[napi(catch_unwind)]
pub fn peer_uid(fd: i32) -> Result<u32> {
    netlink::peer_uid(fd).map_err(|error| failure("SYSTEM", format!("cannot tell who is at descriptor {fd}: {error}")))
}

/// Removes a leftover TAP interface; false where there is none. Refuses interfaces of another kind.
#[napi(catch_unwind)]
pub fn remove_interface(name: String) -> Result<bool> {
    tap::remove_interface(&name).map_err(from_core)
}
