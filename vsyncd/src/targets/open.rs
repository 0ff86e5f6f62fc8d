//! One target out of five.

use vsync_core::fanout::target::Target as Kind;

use super::gh::GitHub;
use super::hashicorp::Hashicorp;
use super::routing::{Routing, Surroundings};
use super::{Target, TargetError};

/// Makes the target: settles its routing and finds its credential. Sends nothing to it yet, though a
/// credential may have to be asked for elsewhere.
///
/// # Errors
/// [`TargetError::Routing`], [`TargetError::NoCredential`], or what the credential's source says.
pub async fn open(
    kind: Kind,
    routing: &Routing,
    around: &Surroundings,
) -> Result<Box<dyn Target>, TargetError> {
    match kind {
        Kind::Gh => Ok(Box::new(GitHub::open(routing, around).await?)),
        Kind::Gcp => Err(absent("Google Cloud")),
        Kind::Aws => Err(absent("AWS")),
        Kind::Azure => Err(absent("Azure")),
        Kind::Hashicorp => Ok(Box::new(Hashicorp::open(routing, around).await?)),
    }
}

fn absent(target: &str) -> TargetError {
    TargetError::Failed { target: target.to_owned(), what: "this build does not know it".into(), hint: None }
}
