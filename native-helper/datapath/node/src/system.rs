//! What the helper asks of the system beside the data path.

use std::path::Path;

use napi_derive::napi;
use ringway_core::file_lock::{self, FileLock};
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

/// A lock on a file; the kernel gives it back when the process ends.
#[napi]
pub struct NativeFileLock {
    lock: Option<FileLock>,
}

#[napi]
impl NativeFileLock {
    /// Releasing twice does no harm.
    #[napi(catch_unwind)]
    pub fn release(&mut self) {
        self.lock = None;
    }
}

/// Locks a file, made where it is missing; null where another process holds the lock. The lock lasts until it is
/// released or its object is forgotten.
#[napi(catch_unwind)]
pub fn lock_file(path: String) -> Result<Option<NativeFileLock>> {
    match file_lock::lock_file(Path::new(&path)) {
        Ok(lock) => Ok(lock.map(|lock| NativeFileLock { lock: Some(lock) })),
        Err(error) => Err(failure(errno_name(&error), format!("cannot lock {path}: {error}"))),
    }
}

/// The name by which Node knows a fault of the file system.
fn errno_name(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{IsADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
    match error.kind() {
        PermissionDenied => "EACCES",
        ReadOnlyFilesystem => "EROFS",
        NotFound => "ENOENT",
        IsADirectory => "EISDIR",
        _ => "SYSTEM",
    }
}
