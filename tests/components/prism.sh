#!/bin/sh
# Our GitHub target and the bench's GitHub server against the description that GitHub publishes of its API:
# Prism stands between them and refuses what the description does not allow.
# Exit: 0 passed, 77 could not run, anything else failed.
set -eu
cd "$(dirname "$0")/../.."
folder=$(mkdir -p "${CARGO_TARGET_DIR:-target}/components/prism" && cd "${CARGO_TARGET_DIR:-target}/components/prism" && pwd)
command -v npm >/dev/null 2>&1 || { echo 'not run: npm is not installed'; exit 77; }
prism=$folder/node_modules/.bin/prism
published=$folder/node_modules/@octokit/openapi/generated/api.github.com.deref.json
if [ ! -x "$prism" ] || [ ! -f "$published" ]; then
    npm install --no-audit --no-fund --silent --prefix "$folder" @octokit/openapi @stoplight/prism-cli || exit 77
fi
# The whole has a thousand paths, which Prism needs minutes to read. All references in it are resolved.
node - "$published" >"$folder/secrets.json" <<'JS'
const whole = JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'));
const repository = '/repos/{owner}/{repo}';
const environment = `${repository}/environments/{environment_name}`;
const used = (path) => path === repository || path === environment
    || path.startsWith(`${environment}/secrets`) || path.startsWith(`${repository}/actions/secrets`);
const paths = Object.fromEntries(Object.entries(whole.paths).filter(([path]) => used(path)));
if (Object.keys(paths).length !== 8) throw new Error(`other paths than expected: ${Object.keys(paths)}`);
// The bench says no more of a repository or an environment than that it is there.
for (const { get, put } of [paths[repository], paths[environment]])
    for (const operation of [get, put]) delete operation?.responses['200']?.content;
console.log(JSON.stringify({ openapi: whole.openapi, info: whole.info, servers: whole.servers, paths }));
JS
VSYNC_TEST_PRISM=$prism,$folder/secrets.json cargo test -p vsyncd --test real_targets -- prism
