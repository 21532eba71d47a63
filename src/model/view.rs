//! All snapshots of one poll side by side.
