#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_cluster_exporter_fuzz::files;

fuzz_target!(|bytes: &[u8]| files::web_config(bytes));
