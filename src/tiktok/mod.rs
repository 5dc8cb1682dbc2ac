//! What is known of TikTok alone: its codes, its envelope, its endpoints, and
//! the stack of all layers in the right order.

mod classifier;
mod context;
