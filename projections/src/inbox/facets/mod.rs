//! The inbox's tickets by their values, in memory: compressed bitmaps that say how many tickets a list holds, which, and in
//! which order, while Postgres serves the rows (decision 0012). One index per workspace and process, read from the inbox's
//! tables and folded from the log by the inbox's own fold.

mod facet;
mod fold;
mod follow;
mod index;
mod kept;
mod lists;
mod order;
mod select;
mod start;
#[cfg(test)]
mod tests;

pub use follow::FacetParts;
pub use lists::Lists;
