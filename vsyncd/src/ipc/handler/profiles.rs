//! Profiles: where an S3 store is and who asks.

use vsync_core::secret::Secret;
use vsync_proto::error::{Code, Failure};
use vsync_proto::request::{ProfileAdd, ProfileRemove, ProfileShow};
use vsync_proto::response::{Done, Profile as ShownProfile};

use super::Handler;
use super::caller::internal;
use super::credentials::same_place;
use crate::config::profiles::{Profile, ProfileError, ProfileName, Profiles};
use crate::ipc::convert;
use crate::repo::trouble::io_problem;
use crate::tasks;

impl Handler {
    pub(super) async fn profile_add(&self, ask: ProfileAdd) -> Result<ShownProfile, Failure> {
        let name = name_of(&ask.name)?;
        let profile = Profile {
            endpoint: ask.endpoint,
            region: ask.region,
            bucket: ask.bucket,
            prefix: ask.prefix,
            access_key_id: ask.access_key_id,
            secret_access_key: Secret::new(ask.secret_access_key.into_inner()),
        };
        // What cannot work is said now, not at the first push.
        crate::repo::place::check_s3(&profile.endpoint).map_err(|text| Failure::new(Code::Config, text))?;
        self.change(|this| async move { this.store_profile(name, profile).await }).await
    }

    /// Stores a profile. One that is there already is replaced when only its credentials change.
    async fn store_profile(self, name: ProfileName, profile: Profile) -> Result<ShownProfile, Failure> {
        let (shown, stored, named) = (show(&name, &profile), profile.clone(), name.clone());
        let before = self
            .with_profiles(move |profiles| {
                let before = match profiles.load(&name) {
                    Ok(loaded) => Some(loaded.value),
                    Err(ProfileError::Missing(_)) => None,
                    Err(error) => return Err(error),
                };
                let replace = before.as_ref().is_some_and(|before| same_place(before, &profile));
                profiles.save(&name, &profile, replace)?;
                Ok(before)
            })
            .await?;
        self.hand_out(&named, before.as_ref(), &stored).await?;
        Ok(shown)
    }

    pub(super) async fn profile_list(&self) -> Result<Vec<ShownProfile>, Failure> {
        self.with_profiles(|profiles| {
            let names = profiles.list()?;
            // One damaged profile does not hide the others.
            let loaded = names.iter().filter_map(|name| Some(show(name, &profiles.load(name).ok()?.value)));
            Ok(loaded.collect())
        })
        .await
    }

    pub(super) async fn profile_show(&self, ask: ProfileShow) -> Result<ShownProfile, Failure> {
        let name = name_of(&ask.name)?;
        self.with_profiles(move |profiles| Ok(show(&name, &profiles.load(&name)?.value))).await
    }

    pub(super) async fn profile_remove(&self, ask: ProfileRemove) -> Result<Done, Failure> {
        let name = name_of(&ask.name)?;
        self.with_profiles(move |profiles| profiles.remove(&name)).await?;
        Ok(Done {})
    }

    pub(super) async fn with_profiles<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Profiles) -> Result<T, ProfileError> + Send + 'static,
    ) -> Result<T, Failure> {
        let profiles = self.supervisor.setup().profiles.clone();
        let done = tasks::blocking(move || work(&profiles)).await.map_err(internal)?;
        done.map_err(|error| {
            if let ProfileError::Io(source) = &error {
                return convert::failure(&io_problem("cannot work with the profiles", source), "");
            }
            let failure = Failure::new(code(&error), error.to_string());
            match error {
                ProfileError::Missing(_) => failure.hint("vsyncctl profile list shows what there is"),
                ProfileError::Exists(_) => failure.hint(
                    "it names another place; the same place with other credentials would be taken; \
                     vsyncctl profile remove removes it first",
                ),
                _ => failure,
            }
        })
    }
}

pub(super) fn name_of(name: &str) -> Result<ProfileName, Failure> {
    name.parse().map_err(|error: ProfileError| Failure::new(Code::BadName, error.to_string()))
}

const fn code(error: &ProfileError) -> Code {
    match error {
        ProfileError::Missing(_) => Code::UnknownProfile,
        ProfileError::Exists(_) => Code::ProfileExists,
        ProfileError::Name(_) => Code::BadName,
        ProfileError::File(crate::config::trusted::Untrusted::Writable { .. }) => Code::UnsafePermissions,
        ProfileError::Io(_) => Code::Io,
        _ => Code::Config,
    }
}

fn show(name: &ProfileName, profile: &Profile) -> ShownProfile {
    ShownProfile {
        name: name.to_string(),
        endpoint: profile.endpoint.clone(),
        region: profile.region.clone(),
        bucket: profile.bucket.clone(),
        access_key_id: profile.access_key_id.clone(),
        prefix: profile.prefix.clone(),
    }
}
