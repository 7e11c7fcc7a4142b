//! YAML as a tree in which every node knows its file and line, and the walk that takes checked values out of it.

mod node;
mod problem;
pub(crate) mod walk;

pub(crate) use node::boolean;
pub use node::{Key, Node, Place, Value};
pub use problem::{Problem, Problems, Refusal};
pub(crate) use walk::{Walk, last};
