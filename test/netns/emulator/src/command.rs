//! The lines that the test bed writes to our standard input; each is answered by one line.
//!
//! ```text
//! port NAME NAMESPACE_FILE DEVICE A.B.C.D/BITS [delayMs=N] [jitterMs=N] [loss=0..1] [reorder=0..1] [rateMbit=N]
//! set NAME [the same settings]
//! stats
//! ```

use std::net::Ipv4Addr;

use crate::link::LinkSettings;

#[derive(Debug, PartialEq)]
pub enum Command {
    Port(PortCommand),
    Set { name: String, changes: Vec<Change> },
    Stats,
}

#[derive(Debug, PartialEq)]
pub struct PortCommand {
    pub name: String,
    pub namespace: String,
    pub device: String,
    pub network: Ipv4Addr,
    pub prefix_bits: u32,
    pub settings: LinkSettings,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    DelayNs(u64),
    JitterNs(u64),
    LossPerMillion(u32),
    ReorderPerMillion(u32),
    RateBitsPerS(u64),
}

impl Change {
    pub fn apply(self, settings: &mut LinkSettings) {
        match self {
            Change::DelayNs(value) => settings.delay_ns = value,
            Change::JitterNs(value) => settings.jitter_ns = value,
            Change::LossPerMillion(value) => settings.loss_per_million = value,
            Change::ReorderPerMillion(value) => settings.reorder_per_million = value,
            Change::RateBitsPerS(value) => settings.rate_bits_per_s = value,
        }
    }
}

/// The command of a line, or a sentence on what is wrong with it.
pub fn parse(line: &str) -> Result<Command, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["port", name, namespace, device, prefix, settings @ ..] => {
            let (network, prefix_bits) = parse_prefix(prefix)?;
            let mut link = LinkSettings::default();
            for change in parse_changes(settings)? {
                change.apply(&mut link);
            }
            Ok(Command::Port(PortCommand {
                name: (*name).to_owned(),
                namespace: (*namespace).to_owned(),
                device: (*device).to_owned(),
                network,
                prefix_bits,
                settings: link,
            }))
        }
        ["set", name, settings @ ..] => {
            Ok(Command::Set { name: (*name).to_owned(), changes: parse_changes(settings)? })
        }
        ["stats"] => Ok(Command::Stats),
        _ => Err(format!("unknown command {line:?}")),
    }
}

fn parse_prefix(text: &str) -> Result<(Ipv4Addr, u32), String> {
    let wrong = || format!("{text:?} is not A.B.C.D/BITS");
    let (address, bits) = text.split_once('/').ok_or_else(wrong)?;
    let bits: u32 = bits.parse().map_err(|_| wrong())?;
    if bits > 32 {
        return Err(wrong());
    }
    Ok((address.parse().map_err(|_| wrong())?, bits))
}

fn parse_changes(words: &[&str]) -> Result<Vec<Change>, String> {
    words.iter().map(|word| parse_change(word)).collect()
}

fn parse_change(word: &str) -> Result<Change, String> {
    let wrong = || format!("{word:?} is not a setting with a number that it can take");
    let (key, value) = word.split_once('=').ok_or_else(wrong)?;
    let value: f64 = value.parse().map_err(|_| wrong())?;
    if !(0.0..=1e9).contains(&value) || (matches!(key, "loss" | "reorder") && value > 1.0) {
        return Err(wrong());
    }
    match key {
        "delayMs" => Ok(Change::DelayNs((value * 1e6) as u64)),
        "jitterMs" => Ok(Change::JitterNs((value * 1e6) as u64)),
        "loss" => Ok(Change::LossPerMillion((value * 1e6).round() as u32)),
        "reorder" => Ok(Change::ReorderPerMillion((value * 1e6).round() as u32)),
        "rateMbit" => Ok(Change::RateBitsPerS((value * 1e6) as u64)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_port_with_its_settings() {
        let line =
            "port home1 /run/netns/x w0 198.18.3.1/24 delayMs=12.5 jitterMs=2 loss=0.01 reorder=0.5 rateMbit=100";
        let expected = PortCommand {
            name: "home1".into(),
            namespace: "/run/netns/x".into(),
            device: "w0".into(),
            network: Ipv4Addr::new(198, 18, 3, 1),
            prefix_bits: 24,
            settings: LinkSettings {
                delay_ns: 12_500_000,
                jitter_ns: 2_000_000,
                loss_per_million: 10_000,
                reorder_per_million: 500_000,
                rate_bits_per_s: 100_000_000,
            },
        };
        assert_eq!(parse(line), Ok(Command::Port(expected)));
    }

    #[test]
    fn a_change_names_only_what_changes() {
        let expected = Command::Set { name: "home1".into(), changes: vec![Change::LossPerMillion(1_000_000)] };
        assert_eq!(parse("set home1 loss=1"), Ok(expected));
    }

    #[test]
    fn says_what_is_wrong_with_a_line() {
        for line in [
            "",
            "port a b c",
            "port a b c 1.2.3.4",
            "port a b c 1.2.3.4/33",
            "set a loss=2",
            "set a loss",
            "set a x=1",
            "set a delayMs=-1",
            "set a delayMs=NaN",
        ] {
            assert!(parse(line).is_err(), "{line:?}");
        }
    }
}
