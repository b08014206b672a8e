//! The pure part of e-mail: bytes in, data out. Nothing here touches a network, a disk or a clock.

pub mod grouping;
pub mod html;
pub mod ids;
pub mod mbox;
pub mod parse;
