#!/usr/bin/env bash
# Lets the tools themselves read the files in the wild after their merge: git, and the readers that come with
# Python. Needs both; the tests of the workspace need neither. Prints what a tool does not read.
# shellcheck source-path=SCRIPTDIR
source "$(dirname "$0")/parts/ground.sh"

need git git
need python3 python3
python3 -c 'import tomllib' || not_run 'this Python reads no TOML: 3.11 and newer do'
cd tests/wild
failed=0
report() { printf 'not read: %s (%s)\n' "$1" "$2" && failed=1; }

for file in ini/git*/after*; do
    git config -f "$file" --list >/dev/null 2>&1 || report "$file" "git config"
done

python3 - <<'PY' || failed=1
import configparser, glob, json, netrc, os, sys, tomllib

# Files of tools whose dialect is not the one of configparser: no section at all, or keys of their own.
OTHERS = ("git", "npmrc", "yarn", "composer", "editorconfig", "ansible-inventory", "my-cnf-server", "npm")

def ini(path):
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    parser.read_string(open(path, encoding="utf-8-sig").read())

def rc(path):
    netrc.netrc(path)

def toml(path):
    tomllib.loads(open(path, "rb").read().decode("utf-8-sig").replace("\r\n", "\n"))

def plain_json(path):
    text = open(path, encoding="utf-8-sig").read()
    if "//" not in text and "/*" not in text and ",\n}" not in text:
        json.loads(text)

# Python's netrc knows no ports, and no comment whose mark touches its first word.
SKIP = ("authinfo", "commented-entry")
bad = 0
for kind, read in (("ini", ini), ("netrc", rc), ("toml", toml), ("json", plain_json)):
    for path in sorted(glob.glob(f"{kind}/*/after*")):
        name = path.split("/")[1]
        if (kind == "ini" and name.startswith(OTHERS)) or name in SKIP or os.path.getsize(path) == 0:
            continue
        try:
            read(path)
        except Exception as error:
            print(f"not read: {path} ({type(error).__name__})")
            bad += 1
sys.exit(bad > 0)
PY
exit "$failed"
