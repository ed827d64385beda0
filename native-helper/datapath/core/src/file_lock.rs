//! An exclusive lock on a file, which the kernel gives back when the process ends, however it ends.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Holds the lock until it is dropped.
pub struct FileLock {
    _file: File,
}

/// Locks the file, made where it is missing; `None` where someone else holds the lock.
pub fn lock_file(path: &Path) -> io::Result<Option<FileLock>> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    // SAFETY: the descriptor is open for the length of the call.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(Some(FileLock { _file: file }));
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::WouldBlock { Ok(None) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let path = std::env::temp_dir().join(format!("ringway-lock-{}", std::process::id()));
        let held = lock_file(&path).unwrap();
        assert!(held.is_some());
        assert!(lock_file(&path).unwrap().is_none());
        drop(held);
        assert!(lock_file(&path).unwrap().is_some());
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn says_why_a_file_cannot_be_locked() {
        let error = lock_file(Path::new("/nonexistent/ringway/lock")).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
