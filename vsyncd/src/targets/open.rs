//! One target out of five.

use vsync_core::fanout::target::Target as Kind;

use super::aws::Aws;
use super::azure::Azure;
use super::gcp::Gcp;
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
        Kind::Gcp => Ok(Box::new(Gcp::open(routing, around).await?)),
        Kind::Aws => Ok(Box::new(Aws::open(routing, around).await?)),
        Kind::Azure => Ok(Box::new(Azure::open(routing, around).await?)),
        Kind::Hashicorp => Ok(Box::new(Hashicorp::open(routing, around).await?)),
    }
}
