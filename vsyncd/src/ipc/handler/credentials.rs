//! Other credentials for the same store, while workers use it.

use vsync_core::format::envconfig::EnvConfig;
use vsync_core::id::Pair;
use vsync_core::sync::Problem;
use vsync_proto::error::{Code, Failure};

use super::Handler;
use super::caller::internal;
use crate::config::profiles::{Profile, ProfileName};
use crate::ipc::convert;
use crate::tasks;

impl Handler {
    /// Gives the credentials of a profile that was stored anew to the vaults that were made with
    /// it and still use what it said before, and has their workers use them at once.
    pub(super) async fn hand_out(
        &self,
        name: &ProfileName,
        before: Option<&Profile>,
        now: &Profile,
    ) -> Result<(), Failure> {
        let pairs = self.supervisor.setup().pairs.clone();
        let listed = tasks::blocking(move || pairs.list()).await.map_err(internal)?;
        let listed = listed.map_err(|error| convert::failure(&error.into(), ""))?;
        for pair in listed {
            // One damaged configuration must not keep the others from their credentials.
            let config = match self.known_config(&pair).await {
                Ok(Some(config)) => config,
                Ok(None) => continue,
                Err(failure) if failure.code == Code::Config => continue,
                Err(failure) => return Err(failure),
            };
            if is_meant(&config, name, before, now) {
                self.replace_credentials(&pair, now).await?;
            }
        }
        Ok(())
    }

    async fn replace_credentials(&self, pair: &Pair, now: &Profile) -> Result<(), Failure> {
        let said = |problem: Problem| convert::failure(&problem, pair.env.as_str());
        // A worker that starts afterwards uses them from its first request on.
        let paused = self.supervisor.pause(pair).await.map_err(said)?;
        let (pairs, wanted, now) = (self.supervisor.setup().pairs.clone(), pair.clone(), now.clone());
        let saved = tasks::blocking(move || {
            pairs.edit(&wanted, |config| {
                config.s3.access_key_id = now.access_key_id;
                config.s3.secret_access_key = now.secret_access_key;
                true
            })
        });
        let saved = saved.await.map_err(internal);
        drop(paused);
        self.supervisor.reconcile().await.map_err(said)?;
        saved?.map(drop).map_err(|error| convert::failure(&error.into(), ""))
    }
}

/// Whether two profiles name the same place.
pub(super) fn same_place(one: &Profile, other: &Profile) -> bool {
    let place = |profile: &Profile| {
        (profile.endpoint.clone(), profile.region.clone(), profile.bucket.clone(), profile.prefix.clone())
    };
    place(one) == place(other)
}

/// A vault has credentials of its own when they are not those that its profile had; they stay.
fn is_meant(config: &EnvConfig, name: &ProfileName, before: Option<&Profile>, now: &Profile) -> bool {
    let s3 = &config.s3;
    config.init_profile.as_deref() == Some(name.as_str())
        && (&s3.endpoint, &s3.bucket) == (&now.endpoint, &now.bucket)
        && before.is_none_or(|before| before.access_key_id == s3.access_key_id)
        && (&s3.access_key_id, &s3.secret_access_key) != (&now.access_key_id, &now.secret_access_key)
}
