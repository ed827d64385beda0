//! The bytes of `test/vectors/wire.json`, which were made without this code and which the TypeScript codecs pass too.

use ringway_core::addr::RingAddr;
use ringway_core::aead::{AeadKey, Cipher, data_key};
use ringway_core::frame;
use ringway_core::noise::{Identity, verify};
use ringway_core::wire::{self, Outer, TransitHeader, parse};
use serde_json::Value;

fn vectors() -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../test/vectors/wire.json");
    serde_json::from_str(&std::fs::read_to_string(file).expect(file)).expect(file)
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_else(|| panic!("no hex text: {value}"));
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    let entries = of[name].as_array().unwrap_or_else(|| panic!("no list {name}"));
    assert!(!entries.is_empty(), "{name} is empty");
    entries
}

fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("no number: {value}"))
}

fn cipher_and_key(entry: &Value) -> (Cipher, AeadKey) {
    let cipher = Cipher::from_id(number(&entry["cipher"]) as u32).unwrap();
    (cipher, AeadKey::new(cipher, &hex(&entry["key"]).try_into().unwrap()))
}

fn address(value: &Value) -> RingAddr {
    RingAddr::parse(value.as_str().unwrap()).unwrap()
}

#[test]
fn identities_sign_and_verify() {
    let vectors = vectors();
    let own = &vectors["identity"];
    let identity = Identity::new(&hex(&own["edSeed"]).try_into().unwrap(), &[1; 32]);
    assert_eq!(identity.ed_public().to_vec(), hex(&own["edPublic"]));
    assert_eq!(identity.sign(&hex(&own["bindInput"])).to_vec(), hex(&own["bind"]));
    assert!(verify(&hex(&own["edPublic"]), &hex(&own["bindInput"]), &hex(&own["bind"])));
}

#[test]
fn outer_packets_are_told_apart() {
    let vectors = vectors();
    for entry in list(&vectors, "handshakes") {
        let packet = hex(&entry["hex"]);
        assert_eq!(parse(&packet), Some(Outer::Handshake(packet[0])), "{}", entry["name"]);
    }
    for entry in list(&vectors, "cookies") {
        assert_eq!(parse(&hex(&entry["hex"])), Some(Outer::Cookie), "{}", entry["name"]);
    }
    for family in ["handshakes", "cookies"] {
        for entry in list(&vectors["refused"], family) {
            assert_eq!(parse(&hex(&entry["hex"])), None, "{family}: {}", entry["name"]);
        }
    }
}

#[test]
fn data_keys_follow_from_the_split() {
    for entry in list(&vectors(), "dataKeys") {
        let cipher = Cipher::from_id(number(&entry["cipher"]) as u32).unwrap();
        let key = data_key(&hex(&entry["splitKey"]).try_into().unwrap(), cipher);
        assert_eq!(key.to_vec(), hex(&entry["key"]));
    }
}

#[test]
fn data_packets_have_these_bytes() {
    for entry in list(&vectors(), "data") {
        let (_, key) = cipher_and_key(entry);
        let (receiver, counter) = (number(&entry["receiver"]) as u32, number(&entry["counter"]));
        let mut packet = vec![0; wire::HEAD];
        wire::write_head(&mut packet, wire::DATA, 0, receiver, counter);
        let mut text = hex(&entry["plaintext"]);
        let tag = key.seal(counter, &packet, &mut text);
        packet.extend_from_slice(&text);
        packet.extend_from_slice(&tag);
        assert_eq!(packet, hex(&entry["hex"]), "{}", entry["name"]);
        assert_eq!(parse(&packet), Some(Outer::Data { receiver, counter }));
    }
}

#[test]
fn transit_packets_have_these_bytes() {
    for entry in list(&vectors(), "transit") {
        let (_, key) = cipher_and_key(entry);
        let (receiver, counter) = (number(&entry["receiver"]) as u32, number(&entry["counter"]));
        let (fields, inner) = (&entry["header"], hex(&entry["inner"]));
        let header = TransitHeader {
            ttl: number(&fields["ttl"]) as u8,
            tunnel: fields["tunnel"] == true,
            no_cache: fields["noCache"] == true,
            hops: number(&fields["hops"]) as u8,
            dst: address(&fields["dst"]),
            src: address(&fields["src"]),
        };
        let mut bytes = [0; wire::TRANSIT_HEADER];
        header.write(&mut bytes);
        assert_eq!(bytes.to_vec(), hex(&entry["headerHex"]));
        assert_eq!(TransitHeader::parse(&bytes), Some(header));
        let mut packet = vec![0; wire::HEAD];
        wire::write_head(&mut packet, wire::TRANSIT, inner.len() as u16, receiver, counter);
        let tag = key.seal(counter, &packet, &mut bytes);
        packet.extend_from_slice(&bytes);
        packet.extend_from_slice(&tag);
        packet.extend_from_slice(&inner);
        assert_eq!(packet, hex(&entry["hex"]), "{}", entry["name"]);
        assert_eq!(parse(&packet), Some(Outer::Transit { receiver, counter }));
    }
    for entry in list(&vectors()["refused"], "transitHeaders") {
        assert_eq!(TransitHeader::parse(&hex(&entry["hex"])), None, "{}", entry["name"]);
    }
}

#[test]
fn frames_are_read_as_listed() {
    let vectors = vectors();
    for entry in list(&vectors, "frames") {
        let text = hex(&entry["hex"]);
        let (mut at, mut found) = (0, Vec::new());
        while let Some(frame) = frame::next(&text, &mut at).unwrap_or_else(|_| panic!("{}", entry["name"])) {
            found.push((u64::from(frame.kind), u64::from(frame.aux), text[frame.body].to_vec()));
        }
        let expected: Vec<_> = entry["frames"]
            .as_array()
            .unwrap()
            .iter()
            .map(|frame| (number(&frame["kind"]), number(&frame["aux"]), hex(&frame["body"])))
            .collect();
        assert_eq!(found, expected, "{}", entry["name"]);
    }
    for entry in list(&vectors["refused"], "frames") {
        assert!(!frame::check(&hex(&entry["hex"])), "{}", entry["name"]);
    }
}
