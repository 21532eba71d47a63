//! One node of six does wrong, each time in another way. It is the only seed that the exporter was told of.

use super::many::cost_only_themselves;
use super::stage::Comes::{Amid, Anew};
use crate::common::fake_node::Fault;
use crate::common::sim::Cluster;

/// A test for each: its name, the fault, how it comes, and the kinds of error that name it.
macro_rules! faults {
    ($($name:ident: $fault:expr, $comes:expr, $kinds:expr;)*) => {$(
        #[test]
        fn $name() {
            cost_only_themselves(stringify!($name), Cluster::healthy(3, 1), &["m1"], $fault, $comes, &$kinds);
        }
    )*};
}

faults! {
    hangs: Fault::Hang, Amid, ["timeout"];
    is_frozen: Fault::Frozen, Anew, ["timeout"];
    is_killed: Fault::Refuse, Amid, ["connect"];
    knows_another_password: Fault::WrongPass, Anew, ["auth"];
    wants_a_password: Fault::NoAuth, Amid, ["auth"];
    trickles: Fault::Trickle, Amid, ["timeout"];
    cuts_mid_reply: Fault::CutMidReply, Amid, ["connect"];
    closes_silently: Fault::SilentClose, Amid, ["connect"];
    sends_garbage: Fault::Garbage, Amid, ["protocol"];
    speaks_http: Fault::Http, Anew, ["protocol"];
    speaks_tls: Fault::TlsAlert, Anew, ["tls"];
    sends_an_endless_bulk: Fault::EndlessBulk, Amid, FLOOD;
    sends_a_million_elements: Fault::MillionElements, Amid, FLOOD;
    nests_without_end: Fault::Nesting, Amid, ["protocol"];
    is_loading: Fault::Loading, Amid, ["loading"];
    is_busy: Fault::Busy, Amid, ["busy"];
    has_no_room_for_clients: Fault::MaxClients, Anew, ["rejected"];
    is_protected: Fault::ProtectedMode, Anew, ["rejected"];
    puts_a_reply_before_the_others: Fault::ExtraReply(0), Amid, ["protocol"];
    puts_a_reply_among_the_others: Fault::ExtraReply(2), Amid, ["protocol"];
}

/// A machine that is busy reaches the deadline before the limit of size.
const FLOOD: [&str; 2] = ["too_large", "timeout"];
