//! The public internet of the test bed, one process and one thread: a TUN device in the namespace of each host or router
//! that has a place on it, and packets passed between them as their links and addresses say.
//!
//! It is steered by lines on standard input (see `command.rs`) and ends when that closes, so that it never outlives the
//! test bed. The first argument is the seed of its losses and jitter; or it is `watch` or `flood`
//! (see the files of that name).

mod command;
mod flood;
mod internet;
mod link;
mod packet;
mod poll;
mod rng;
mod tun;
mod watch;

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Instant;

use command::Command;
use internet::Internet;
use poll::Poll;
use tun::Tun;

/// What `Poll` names standard input by; a port is named by its id.
const STDIN: u64 = u64::MAX;
/// Most packets that are taken from one device before the others have their turn.
const BURST: usize = 64;
/// Longest command line.
const LINE_BYTES: usize = 4096;

struct Emulator {
    internet: Internet,
    names: Vec<String>,
    devices: Vec<Tun>,
    poll: Poll,
    started: Instant,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match words.split_first() {
        None => run(1),
        Some((first, rest)) if first == "watch" => watch::run(rest),
        Some((first, rest)) if first == "flood" => flood::run(rest),
        Some((first, _)) => match first.parse() {
            Ok(seed) => run(seed),
            Err(_) => {
                eprintln!("ringway-emulator: the seed must be a whole number from 0; usage: ringway-emulator [SEED]");
                return ExitCode::from(2);
            }
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ringway-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(seed: u64) -> io::Result<()> {
    let mut emulator = Emulator {
        internet: Internet::new(seed),
        names: Vec::new(),
        devices: Vec::new(),
        poll: Poll::new()?,
        started: Instant::now(),
    };
    emulator.poll.add(0, STDIN)?;
    let mut line = Vec::new();
    let mut ready = Vec::new();
    let mut buffer = vec![0; tun::PACKET_BYTES];
    loop {
        emulator.poll.wait(emulator.pause_ns(), &mut ready)?;
        for &token in &ready {
            if token == STDIN {
                if !emulator.listen(&mut line)? {
                    return Ok(());
                }
            } else {
                emulator.take(token as usize, &mut buffer)?;
            }
        }
        while let Some((port, packet)) = emulator.internet.due(emulator.now()) {
            emulator.devices[port].deliver(&packet);
        }
    }
}

impl Emulator {
    fn now(&self) -> u64 {
        self.started.elapsed().as_nanos() as u64
    }

    fn pause_ns(&self) -> Option<u64> {
        self.internet.wake_at().map(|at| at.saturating_sub(self.now()))
    }

    fn take(&mut self, port: usize, buffer: &mut [u8]) -> io::Result<()> {
        for _ in 0..BURST {
            match self.devices[port].receive(buffer) {
                Ok(Some(length)) => self.internet.send(self.now(), port, buffer[..length].to_vec()),
                Ok(None) => return Ok(()),
                // The namespace, and the device with it, went away before us: nothing comes from there any more.
                Err(error) if error.raw_os_error() == Some(libc::EBADFD) => {
                    return self.poll.remove(self.devices[port].fd());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Carries out the commands that have arrived; false once there will be no more.
    fn listen(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        let mut chunk = [0; LINE_BYTES];
        let length = io::stdin().read(&mut chunk)?;
        if length == 0 {
            return Ok(false);
        }
        for &byte in &chunk[..length] {
            if byte != b'\n' {
                if line.len() >= LINE_BYTES {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a command line is too long"));
                }
                line.push(byte);
                continue;
            }
            let text = String::from_utf8_lossy(line).into_owned();
            line.clear();
            let answer = match command::parse(&text).and_then(|command| self.carry_out(command)) {
                Ok(answer) => format!("ok {answer}\n"),
                Err(reason) => format!("error {reason}\n"),
            };
            io::stdout().write_all(answer.as_bytes())?;
            io::stdout().flush()?;
        }
        Ok(true)
    }

    fn carry_out(&mut self, command: Command) -> Result<String, String> {
        match command {
            Command::Port(port) => {
                if self.names.contains(&port.name) {
                    return Err(format!("there is a port {} already", port.name));
                }
                let failed = |error| format!("cannot make {} in {}: {error}", port.device, port.namespace);
                let device = Tun::create(&port.namespace, &port.device).map_err(failed)?;
                self.poll.add(device.fd(), self.devices.len() as u64).map_err(failed)?;
                self.internet.add_port(port.network, port.prefix_bits, port.settings);
                self.devices.push(device);
                self.names.push(port.name);
                Ok(String::new())
            }
            Command::Set { name, changes } => {
                let port =
                    self.names.iter().position(|known| *known == name).ok_or(format!("no port is called {name}"))?;
                for change in changes {
                    change.apply(self.internet.settings_mut(port));
                }
                Ok(String::new())
            }
            Command::Stats => {
                let counters = &self.internet.counters;
                Ok(format!(
                    "delivered={} lost={} queueFull={} noRoute={} expired={} malformed={}",
                    counters.delivered,
                    counters.lost,
                    counters.queue_full,
                    counters.no_route,
                    counters.expired,
                    counters.malformed
                ))
            }
        }
    }
}
