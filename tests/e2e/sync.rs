//! From the env file to the places where its secrets are used.

mod canary;
mod clouds;
mod gh;
mod hashicorp;
mod interrupted;
mod run;
mod trust;
