//! One program for all targets; the first byte of an input says which. `npm run fuzz` builds it with the coverage of
//! LLVM, which stable Rust can switch on.
#![no_main]

mod coalescing;
mod datagram;
mod parsers;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((target, bytes)) = input.split_first() else { return };
    match target % 6 {
        0 => parsers::frames(bytes),
        1 => parsers::packets(bytes),
        2 => parsers::super_packet(bytes),
        3 => coalescing::joined_and_cut_is_the_same(bytes),
        4 => datagram::any_bytes(bytes),
        _ => datagram::authentic(bytes),
    }
});
