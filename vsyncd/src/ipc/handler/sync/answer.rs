//! A run of `sync` in the socket's words.

use std::collections::BTreeMap;

use vsync_core::dotenv::DotenvError;
use vsync_core::fanout::plan::{Action, Refusal, Step};
use vsync_core::fanout::target::Target as Kind;
use vsync_core::id::Pair;
use vsync_proto::error::{Code, Failure};
use vsync_proto::request::{self, SyncTarget};
use vsync_proto::response::{SyncAction, SyncCounts, SyncFailure, SyncStep};

use crate::ipc::convert;
use crate::repo::fanout::{Counts, FanoutError, hint_of};
use crate::targets::TargetError;
use crate::targets::routing::{GhScope, Routing};

/// The target that a client names.
pub(super) const fn kind(named: SyncTarget) -> Kind {
    match named {
        SyncTarget::Gh => Kind::Gh,
        SyncTarget::Gcp => Kind::Gcp,
        SyncTarget::Aws => Kind::Aws,
        SyncTarget::Azure => Kind::Azure,
        SyncTarget::Hashicorp => Kind::Hashicorp,
    }
}

/// What the client says of the place.
pub(super) fn flags(ask: &request::Sync, pair: &Pair) -> Routing {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Routing {
        repo: pair.repo.to_string(),
        env: pair.env.to_string(),
        base_url: given(&ask.base_url),
        gh_repo: given(&ask.gh_repo),
        gh_scope: match ask.gh_scope {
            request::GhScope::Env => GhScope::Environment,
            request::GhScope::Repo => GhScope::Repository,
        },
        create_environment: ask.create_environment,
        gcp_project: given(&ask.gcp_project),
        aws_region: given(&ask.aws_region),
        aws_secret_prefix: given(&ask.aws_secret_prefix),
        azure_vault: given(&ask.azure_vault),
        vault_addr: given(&ask.vault_addr),
        vault_mount: given(&ask.vault_mount),
        vault_path: given(&ask.vault_path),
        vault_namespace: given(&ask.vault_namespace),
        replace: ask.replace,
    }
}

/// The plan with what the target's rules forbid, and with the place of files outside the vault folder.
pub(super) fn steps(
    planned: &[Step],
    refused: &[Refusal],
    outside: &BTreeMap<String, String>,
) -> Vec<SyncStep> {
    let planned = planned.iter().map(|step| SyncStep {
        name: step.name.clone(),
        action: match step.action {
            Action::Create => SyncAction::Create,
            Action::Update | Action::Ask => SyncAction::Update,
            Action::Unchanged => SyncAction::Unchanged,
            Action::Remove => SyncAction::Remove,
            Action::Stale => SyncAction::Stale,
        },
        why: outside.get(&step.name).map(|path| format!("from {path}, outside the vault folder")),
        foreign: step.foreign,
    });
    let refused = refused.iter().map(|refusal| SyncStep {
        name: refusal.name.clone(),
        action: SyncAction::Refused,
        why: Some(refusal.why.clone()),
        foreign: false,
    });
    planned.chain(refused).collect()
}

/// Numbers as the client gets them.
pub(super) const fn counts(counts: Counts, refused: usize) -> SyncCounts {
    SyncCounts {
        created: counts.created,
        updated: counts.updated,
        unchanged: counts.unchanged,
        removed: counts.removed,
        stale: counts.stale,
        refused: refused as u64,
        failed: counts.failed,
    }
}

/// What was tried and not done.
pub(super) fn failures(failures: Vec<(String, String)>) -> Vec<SyncFailure> {
    failures.into_iter().map(|(name, message)| SyncFailure { name, message }).collect()
}

/// Why nothing was sent.
pub(super) fn failure(error: &FanoutError, env: &str) -> Failure {
    let invalid = || Failure::new(Code::EnvFileInvalid, error.to_string());
    match error {
        FanoutError::NoEnvFile { .. } => {
            invalid().hint(format!("write it, or fetch the vault with: vsyncctl pull {env}"))
        }
        FanoutError::Unreadable { .. } => invalid(),
        FanoutError::Content(content) => content_failure(content),
        FanoutError::Refused { refusals, .. } => {
            let text =
                |refusal: &Refusal| format!("{} (line {}): {}", refusal.name, refusal.line, refusal.why);
            let failure = Failure::new(Code::SecretRefused, error.to_string());
            let failure = refusals.iter().map(text).fold(failure, Failure::cause);
            failure.hint(
                "nothing is renamed or cut: change the env file, or leave keys out with --exclude-property",
            )
        }
        FanoutError::Target(error) => {
            let failure = Failure::new(code(error), error.to_string());
            match hint_of(error) {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
        FanoutError::Here(problem) => convert::failure(problem, env),
    }
}

/// One failure that names every line of the complaint as a cause.
fn content_failure(content: &DotenvError) -> Failure {
    let text = content.to_string();
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let failure = Failure::new(Code::EnvFileInvalid, first.trim_end_matches(':'));
    let each = rest.lines().map(|line| line.strip_prefix("- ").unwrap_or(line));
    each.fold(failure, Failure::cause).hint("nothing was sent; correct the env file")
}

const fn code(error: &TargetError) -> Code {
    match error {
        TargetError::NoCredential { .. } => Code::NoTargetCredential,
        TargetError::Denied { .. } => Code::TargetDenied,
        TargetError::Missing { .. } => Code::TargetMissing,
        TargetError::Unreachable { .. } => Code::TargetUnreachable,
        TargetError::Routing { .. } => Code::RoutingMissing,
        TargetError::Conflict { .. } => Code::TargetConflict,
        TargetError::Failed { .. } => Code::TargetFailed,
    }
}
