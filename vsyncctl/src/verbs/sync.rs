//! `sync`

use std::process::ExitCode;

use vsync_proto::request::{self, SyncTarget};
use vsync_proto::{Code, Failure};

use super::{DONE, Outcome};
use crate::cli::{GhScopeArg, Sync};
use crate::render;
use crate::session::{self, Session};
use crate::{exit_code, input};

/// The flag that a hint names where only a GitHub environment is missing.
const CREATE: &str = "--create-environment";

pub(super) fn run(session: &Session, args: &Sync) -> Outcome {
    let strangers = args.route.strangers(args.target);
    let target = SyncTarget::from(args.target);
    if !strangers.is_empty() {
        let text = format!("{} does not belong to the target {}", strangers.join(", "), target.as_str());
        return Err(Failure::new(Code::Usage, text));
    }
    let mut ask = request(session, args, target)?;
    let answer = match send(session, &ask) {
        Err(failure) if may_create(session, &ask, &failure) => {
            session::note(&render::human::failure(&failure));
            if !input::confirm(&format!("Make the environment {}?", ask.env))? {
                return Err(Failure::new(
                    Code::TargetMissing,
                    "the environment was not made; nothing was sent",
                ));
            }
            ask.create_environment = true;
            send(session, &ask)?
        }
        answer => answer?,
    };
    session.tell(&answer, render::sync::summary);
    session.warn(&answer.warnings);
    if !session.global.json {
        session::note(&render::sync::failures(&answer));
    }
    match (answer.counts.failed, answer.counts.refused) {
        (0, 0) => DONE,
        (0, _) => Ok(exit_code::from(&Failure::new(Code::SecretRefused, ""))),
        _ => Ok(ExitCode::from(exit_code::PARTIAL)),
    }
}

/// Asks, and shows policy and plan before anything is sent.
fn send(session: &Session, ask: &request::Sync) -> Result<vsync_proto::response::SyncResult, Failure> {
    let silent = session.global.json || session.global.quiet;
    let verbose = session.global.verbose;
    session.ask_planned(ask, &mut |plan| {
        if !silent {
            session::print(&render::sync::plan(plan, verbose));
        }
    })
}

/// Whether what is missing can be made, and there is somebody to ask.
fn may_create(session: &Session, ask: &request::Sync, failure: &Failure) -> bool {
    let offered = failure.hint.as_ref().is_some_and(|hint| hint.contains(CREATE));
    let open = !ask.create_environment && !ask.dry_run;
    failure.code == Code::TargetMissing && offered && open && !session.global.json && input::on_terminal()
}

fn request(session: &Session, args: &Sync, target: SyncTarget) -> Result<request::Sync, Failure> {
    let route = &args.route;
    Ok(request::Sync {
        caller: session.caller()?,
        env: args.env.clone(),
        target,
        dry_run: args.dry_run,
        all: args.all,
        prune: args.prune,
        base_url: args.base_url.clone(),
        gh_repo: route.gh_repo.clone(),
        gh_scope: match route.gh_scope {
            Some(GhScopeArg::Repo) => request::GhScope::Repo,
            Some(GhScopeArg::Env) | None => request::GhScope::Env,
        },
        create_environment: route.create_environment,
        gcp_project: route.gcp_project.clone(),
        aws_region: route.aws_region.clone(),
        aws_secret_prefix: route.aws_secret_prefix.clone(),
        azure_vault: route.azure_vault.clone(),
        vault_addr: route.vault_addr.clone(),
        vault_mount: route.vault_mount.clone(),
        vault_path: route.vault_path.clone(),
        vault_namespace: route.vault_namespace.clone(),
        replace: route.replace,
        inline_file_suffix: args.inline_file_suffix.clone(),
        exclude_property: args.exclude_property.clone(),
    })
}
