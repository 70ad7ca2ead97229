//! Scenario files: the ten that are kept, the scenarios of faults that were found, and what a file may say.

mod expectations;
mod files;
mod guide;
mod kept;
mod program;
mod refused;
