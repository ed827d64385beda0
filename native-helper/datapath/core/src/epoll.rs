//! Many descriptors waited for by one thread.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

pub struct Epoll(OwnedFd);

impl Epoll {
    pub fn new() -> io::Result<Self> {
        // SAFETY: plain system call; the descriptor is owned from here on.
        unsafe {
            let fd = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(Self(OwnedFd::from_raw_fd(fd))) }
        }
    }

    /// Waits for input on `fd`, and for room to send where `output` says so. The kernel forgets a descriptor that is closed.
    pub fn add(&self, fd: RawFd, token: u64, output: bool) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, output)
    }

    /// Changes what is waited for; a descriptor that was removed stays so.
    pub fn watch(&self, fd: RawFd, token: u64, output: bool) {
        let _ = self.control(libc::EPOLL_CTL_MOD, fd, token, output);
    }

    pub fn remove(&self, fd: RawFd) {
        let _ = self.control(libc::EPOLL_CTL_DEL, fd, 0, false);
    }

    fn control(&self, operation: libc::c_int, fd: RawFd, token: u64, output: bool) -> io::Result<()> {
        let flags = libc::EPOLLIN | if output { libc::EPOLLOUT } else { 0 };
        let mut event = libc::epoll_event { events: flags as u32, u64: token };
        // SAFETY: the event lives over the call.
        let result = unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd, &mut event) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Waits at most `timeout_ms`, for ever where it is negative; says how many of `events` are filled.
    pub fn wait(&self, events: &mut [libc::epoll_event], timeout_ms: libc::c_int) -> usize {
        // SAFETY: the kernel writes at most as many events as the slice has.
        let count = unsafe {
            libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), events.len() as libc::c_int, timeout_ms)
        };
        usize::try_from(count).unwrap_or(0)
    }
}
