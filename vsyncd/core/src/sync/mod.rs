//! The worker's decisions: one state machine per checkout.
