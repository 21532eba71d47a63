#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_cluster_exporter_fuzz::nodes;

fuzz_target!(|bytes: &[u8]| nodes::info(bytes));
