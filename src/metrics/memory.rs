//! INFO memory.

use super::Read::Node;
use super::{Metric, Num, info, info_is, info_signed};
use crate::model::info::Field;

pub(super) static ROWS: &[Metric] = &[
    Metric::gauge("node_memory_used", "Bytes that the server allocated", info("used_memory")).bytes(),
    Metric::gauge("node_memory_rss", "Resident memory of the server process", info("used_memory_rss")).bytes(),
    Metric::gauge("node_memory_peak", "Most bytes ever allocated", info("used_memory_peak")).bytes(),
    Metric::gauge("node_memory_max", "Configured maxmemory; 0 is no limit", info("maxmemory")).bytes(),
    Metric::gauge(
        "node_memory_limit",
        "What memory is judged against: maxmemory where there is one, else the memory of the host (INFO maxmemory, \
         total_system_memory)",
        Node(|said| said.memory_limit().map(Num::U)),
    )
    .bytes(),
    Metric::gauge("node_memory_evicting", "1 if keys may be evicted at maxmemory: any policy but noeviction (INFO \
         maxmemory_policy)",
        Node(|said| Some((said.info.as_ref().ok()?.text(POLICY)? != "noeviction").into()))),
    Metric::gauge("node_memory_system", "Memory of the host", info("total_system_memory")).bytes(),
    Metric::gauge("node_memory_fragmentation_ratio", "Resident over allocated memory; 3 to 5 on every idle small server, so read it \
         with the bytes", info("mem_fragmentation_ratio")),
    Metric::gauge("node_memory_fragmentation", "Resident minus allocated memory", info_signed("mem_fragmentation_bytes")).bytes(),
    Metric::gauge("node_memory_allocator_allocated", "Bytes that the allocator handed out", info("allocator_allocated")).bytes(),
    Metric::gauge("node_memory_allocator_active", "Bytes in the allocator's active pages", info("allocator_active")).bytes(),
    Metric::gauge("node_memory_allocator_resident", "Bytes that the allocator holds resident", info("allocator_resident")).bytes(),
    Metric::gauge("node_memory_allocator_fragmentation_ratio", "Active over allocated: fragmentation that active defragmentation can mend", info("allocator_frag_ratio")),
    Metric::gauge("node_memory_allocator_fragmentation", "Active minus allocated", info_signed("allocator_frag_bytes")).bytes(),
    Metric::gauge("node_memory_allocator_rss_ratio", "Resident over active: pages that MEMORY PURGE can give back", info("allocator_rss_ratio")),
    Metric::gauge("node_memory_allocator_rss", "Resident minus active", info_signed("allocator_rss_bytes")).bytes(),
    Metric::gauge("node_memory_rss_overhead_ratio", "Process over allocator resident memory", info("rss_overhead_ratio")),
    Metric::gauge("node_memory_rss_overhead", "Process minus allocator resident memory", info_signed("rss_overhead_bytes")).bytes(),
    Metric::gauge("node_memory_dataset", "Bytes of the data itself", info("used_memory_dataset")).bytes(),
    Metric::gauge("node_memory_overhead", "Bytes of everything but the data", info("used_memory_overhead")).bytes(),
    Metric::gauge("node_memory_startup", "Bytes allocated at start", info("used_memory_startup")).bytes(),
    Metric::gauge("node_memory_lua", "Bytes of the Lua engine of EVAL", info("used_memory_lua")).bytes(),
    Metric::gauge("node_memory_script_engines", "Bytes of all script engines, functions too, 7.0 and later", info("used_memory_vm_total")).bytes(),
    Metric::gauge("node_memory_scripts", "Bytes of cached scripts", info("used_memory_scripts")).bytes(),
    Metric::gauge("node_memory_functions", "Bytes of functions", info("used_memory_functions")).bytes(),
    Metric::gauge("node_memory_cluster_links", "Bytes of the cluster bus links", info("mem_cluster_links")).bytes(),
    Metric::gauge("node_memory_clients", "Bytes of normal clients' buffers", info("mem_clients_normal")).bytes(),
    Metric::gauge("node_memory_replica_clients", "Bytes of replicas' buffers", info("mem_clients_slaves")).bytes(),
    Metric::gauge("node_memory_replication_backlog", "Bytes of the replication backlog", info("mem_replication_backlog")).bytes(),
    Metric::gauge("node_memory_replication_buffers", "Bytes of all replication buffers", info("mem_total_replication_buffers")).bytes(),
    Metric::gauge("node_memory_aof_buffer", "Bytes of the append-only file's buffer", info("mem_aof_buffer")).bytes(),
    Metric::gauge("node_memory_slot_import", "Bytes of slots being imported, Valkey 9 and later", info("mem_cluster_slot_import")).bytes(),
    Metric::gauge("node_memory_slot_export", "Bytes of slots being exported, Valkey 9 and later", info("mem_cluster_slot_export")).bytes(),
    Metric::gauge("node_memory_not_counted_for_evict", "Bytes that do not count against maxmemory", info("mem_not_counted_for_evict")).bytes(),
    Metric::gauge("node_active_defrag_running", "1 while active defragmentation runs", Node(|said| {
        let running = said.info.as_ref().ok()?.unsigned(DEFRAG)?;
        Some((running > 0).into())
    })),
    Metric::gauge("node_lazyfree_pending_objects", "Objects waiting to be freed", info("lazyfree_pending_objects")),
    Metric::gauge("node_loading", "1 while the server reads its dataset", info_is("loading", "1")),
];

const POLICY: Field = Field::new("maxmemory_policy");
const DEFRAG: Field = Field::new("active_defrag_running");
