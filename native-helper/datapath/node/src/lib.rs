//! The Node-API binding: names and types of `native-helper/overlay/boundary.ts` over `ringway-core`, nothing more.
#![cfg_attr(test, allow(dead_code))] // The binding registers nothing in a test build.

mod crypto;
mod data_path;
mod system;
mod values;
