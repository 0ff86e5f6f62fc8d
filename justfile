# The long way round is in .ci/run; these are the short ways.

# Everything a change has to pass.
ci:
    .ci/run

# The tests, one process each. Without nextest: cargo test --workspace
test *args:
    cargo nextest run --workspace {{ args }}

# What needs a server of its own (moto, Ceph, GNOME Keyring, …): installed, run, and shown in a table.
components *names:
    tests/components/run {{ names }}

# Two machines, one store, every step printed.
demo *args:
    cargo run -p vsync-tests --bin demo {{ args }}

# The long forms of the tests: every round, every kill.
soak *args:
    VSYNC_SOAK=1 cargo nextest run --workspace --profile soak {{ args }}

# Memory and times beside their floors, asserted on an otherwise idle machine, on release builds.
# One part alone: just bench fanout. As a page: just bench --markdown
bench *parts:
    cargo build --release -p vsyncd -p vsyncctl -p vsync-tests
    VSYNC_BIN_DIR="${CARGO_TARGET_DIR:-target}/release" "${CARGO_TARGET_DIR:-target}/release/vsync-bench" {{ parts }}
    cargo bench -p vsync-core --bench merge

# Search the formats for inputs that break them: all of them for fifteen minutes each, or just fuzz bundle
fuzz *targets:
    tests/fuzz/run {{ targets }}

# Write the pages that are printed by the program again, and look at the difference.
snapshots:
    INSTA_UPDATE=always cargo test -p vsyncctl
    git diff --stat
