//! What a world does, seen from outside.

mod clocks;
mod faults;
mod filters;
mod nodes;
mod order;
mod partitions;
mod rules;
mod seeds;
mod support;
mod verbs;
