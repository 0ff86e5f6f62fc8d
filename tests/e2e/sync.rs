//! From the env file to the places where its secrets are used.

mod clouds;
mod gh;
mod hashicorp;
mod run;
