//! Waiting for several descriptors and a moment at once: epoll with a timer, which keeps time finer than a millisecond.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

const TIMER: u64 = u64::MAX - 1;
const EVENTS: usize = 64;

pub struct Poll {
    epoll: OwnedFd,
    timer: OwnedFd,
}

impl Poll {
    pub fn new() -> io::Result<Poll> {
        // SAFETY: both calls only return a new descriptor or -1.
        let (epoll, timer) = unsafe {
            (
                libc::epoll_create1(libc::EPOLL_CLOEXEC),
                libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK),
            )
        };
        // SAFETY: each descriptor was checked to be open and is owned by nobody else.
        let poll =
            unsafe { Poll { epoll: OwnedFd::from_raw_fd(check(epoll)?), timer: OwnedFd::from_raw_fd(check(timer)?) } };
        poll.add(poll.timer.as_raw_fd(), TIMER)?;
        Ok(poll)
    }

    /// From now on `wait` names this descriptor by `token` while it can be read.
    pub fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        // SAFETY: the event outlives the call.
        check(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) })?;
        Ok(())
    }

    pub fn remove(&self, fd: RawFd) -> io::Result<()> {
        // SAFETY: EPOLL_CTL_DEL takes no event.
        check(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_DEL, fd, std::ptr::null_mut()) })?;
        Ok(())
    }

    /// Waits until something can be read or the pause is over; without a pause, as long as it takes.
    pub fn wait(&self, pause_ns: Option<u64>, ready: &mut Vec<u64>) -> io::Result<()> {
        ready.clear();
        // All zeros would disarm the timer, so a moment that has passed already is one nanosecond away.
        let pause = pause_ns.map_or(0, |ns| ns.max(1));
        let value = libc::timespec {
            tv_sec: (pause / 1_000_000_000) as libc::time_t,
            tv_nsec: (pause % 1_000_000_000) as libc::c_long,
        };
        let setting = libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        // SAFETY: the setting outlives the call and the old one is not asked for.
        check(unsafe { libc::timerfd_settime(self.timer.as_raw_fd(), 0, &setting, std::ptr::null_mut()) })?;
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        // SAFETY: the kernel writes at most EVENTS events into an array of that length.
        let count = unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), EVENTS as i32, -1) };
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
        }
        // Setting the timer anew before each wait also takes back its being readable.
        ready.extend(events[..count as usize].iter().map(|event| event.u64).filter(|&token| token != TIMER));
        Ok(())
    }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::time::{Duration, Instant};

    #[test]
    fn wakes_for_a_descriptor_and_for_the_time() {
        let (reader, mut writer) = io::pipe().unwrap();
        let poll = Poll::new().unwrap();
        poll.add(reader.as_raw_fd(), 7).unwrap();
        let mut ready = Vec::new();
        let before = Instant::now();
        poll.wait(Some(2_000_000), &mut ready).unwrap();
        assert!(ready.is_empty() && before.elapsed() >= Duration::from_millis(2));
        poll.wait(Some(0), &mut ready).unwrap();
        assert!(ready.is_empty());
        writer.write_all(b"x").unwrap();
        poll.wait(None, &mut ready).unwrap();
        assert_eq!(ready, [7]);
        poll.remove(reader.as_raw_fd()).unwrap();
        poll.wait(Some(1), &mut ready).unwrap();
        assert!(ready.is_empty());
    }
}
