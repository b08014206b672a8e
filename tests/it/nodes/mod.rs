//! Several servers on one Postgres: whichever is asked, there is one truth, and one of them may hang, die or be replaced
//! without anybody noticing.

mod beside;
mod cluster;
mod drafts;
mod histories;
mod leases;
mod linear;
mod models;
mod next_node;
mod players;
mod restarts;
mod servers;
