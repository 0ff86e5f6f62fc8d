//! The worker in a small world: sentences of its contract as examples, and a simulation.

mod overwritten;
mod pulls;
mod pushes;
mod simulation;
mod states;
mod timing;
mod world;
