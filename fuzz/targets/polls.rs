#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use redis_cluster_exporter_fuzz::{mutate, polls};

fuzz_target!(|bytes: &[u8]| polls::polls(bytes));
fuzz_mutator!(|data: &mut [u8], size: usize, most: usize, seed: u32| {
    mutate::resp(data, size, most, seed, fuzzer_mutate)
});
