"""Looks through what the machines of the suite left in a folder: no secret is anywhere but in its own place.

Secrets are found as a person would: keys in their files, passphrases and credentials in theirs, and whatever the
vaults hold that is long enough to be no coincidence.
"""

import os
import pathlib
import sys

SHORTEST = 16
# What the programs write; the rest of a home is the test's own.
WRITTEN = ("run", "state", "config", "cache", "repo", "vsyncd.log")


def content(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def plain(path):
    try:
        return path.is_file() and not path.is_symlink()
    except OSError:  # deeper than the longest path
        return False


def files(top):
    return [pathlib.Path(at, name) for at, _, names in os.walk(top) for name in names if plain(pathlib.Path(at, name))]


def in_vault(home, path):
    return "vault" in path.relative_to(home).parts[:4]


def secrets(home):
    """Each secret of a home with its kind."""
    found = {}
    for path in files(home):
        inside = path.relative_to(home)
        if inside.parts[:3] == ("state", "vsync", "keys") and len(inside.parts) > 4:
            found[content(path).strip()] = "key"
        elif inside.parts == ("passphrase",):
            found[content(path).strip()] = "passphrase"
        elif inside.parts == ("s3-secret",):
            found[content(path).strip()] = "credential"
        elif inside.parts[0] == "repo" and in_vault(home, path):
            start = content(path)[:4096]
            if len(start) >= SHORTEST and len(set(start)) > 4:
                found[start] = "content"
    return {secret: kind for secret, kind in found.items() if len(secret) >= SHORTEST}


def allowed(kind, inside):
    if kind == "key":
        return inside.parts[:3] == ("state", "vsync", "keys")
    if kind == "credential":
        return inside.parts[0] == "config"
    return False


def main(top):
    homes = sorted(home for home in top.iterdir() if home.name.startswith("vs-") and (home / "repo").is_dir())
    known, looked, bad = {}, 0, 0
    for home in homes:
        known.update(secrets(home))
    everywhere = [(home, path) for home in homes for path in files(home)]
    everywhere += [(store, path) for store in top.iterdir() if store not in homes and store.is_dir() for path in files(store)]
    for base, path in everywhere:
        inside = path.relative_to(base)
        if base in homes and (inside.parts[0] not in WRITTEN or in_vault(base, path)):
            if not path.name.startswith("core"):
                continue
        looked += 1
        text = content(path)
        for secret, kind in known.items():
            if secret in text and not allowed(kind, inside):
                print(f"a {kind} is in {path.relative_to(top)}")
                bad += 1
    print(f"{len(homes)} machines, {len(known)} secrets, {looked} files looked at, {bad} findings")
    return 1 if bad or not homes or not known else 0


sys.exit(main(pathlib.Path(sys.argv[1])))
