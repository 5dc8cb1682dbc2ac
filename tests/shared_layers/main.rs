//! Several processes, each with layers of its own, at one server whose limits
//! they share, under paused time.

#![cfg(test)]

mod cut_off;
mod drain;
mod faults;
mod fleet;
mod foreseen;
mod holds;
mod learned;
mod load;
mod long_windows;
mod newcomer;
mod noticed;
mod pacing;
mod permits;
