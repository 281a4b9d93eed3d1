"""Writes Alertmanager's configuration: routes.yml, and of channels.toml those channels whose secrets are there.

    python3 alertmanager/configure.py --secrets alertmanager/secrets --out /etc/alertmanager/alertmanager.yml

Secrets stay in their files, whose paths are written: run it where Alertmanager finds them by the same paths. It needs
nothing but Python 3.11. secrets/README.md tells which file turns on what. Bad input: one line, status 2.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

HERE = Path(__file__).resolve().parent
NOTE = "# Written by configure.py; changes are lost. It holds no secret: they stay in the files that it names.\n\n"
TEAMS = "teams"
_OTHERS = {"README.md", TEAMS}
_TEAM_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,127}")

Parts = Mapping[str, Mapping[str, Any]]
"""Of one channel: `slack_configs` or the like, and one entry of that list."""


class Refused(Exception):
    """People would not be told as they expect to be. One line: the file and what would be right, never its content."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to tell people, as channels.toml explains it."""

    name: str
    at: str
    since: str
    files: Mapping[str, str]
    receiver: Parts
    optional: Sequence[str] = ()


_DATA = tomllib.loads((HERE / "channels.toml").read_text(encoding="utf-8"))
CHANNELS = [Channel(**channel) for channel in _DATA["channel"]]
GIVEN: Mapping[str, Parts] = _DATA["given"]
KINDS: Mapping[str, Mapping[str, str]] = _DATA["kind"]


@dataclass(frozen=True, slots=True)
class Secret:
    """A file that is there and not empty."""

    path: Path
    content: str


@dataclass(frozen=True, slots=True)
class Scope:
    """The channels of everybody (`team` is empty) or of a team, and the secrets that they are filled with."""

    team: str
    on: Sequence[Channel]
    secrets: Mapping[str, Secret]

    def parts(self, at: str) -> list[Parts]:
        """The channels of a receiver, filled."""
        return [filled(channel.receiver, self.secrets) for channel in self.on if channel.at == at]

    def in_words(self) -> str:
        """Who, and by what."""
        return f"{self.team or 'everybody'}: {', '.join(channel.name for channel in self.on)}"


def entries(folder: Path) -> list[Path]:
    """What is in a folder of secrets, but for its README, hidden files and the teams. Raises `Refused`."""
    try:
        return sorted(path for path in folder.iterdir() if path.name not in _OTHERS and path.name[0] != ".")
    except OSError as error:
        raise _unreadable(folder, error) from error


def read_secrets(folder: Path, channels: Sequence[Channel]) -> dict[str, Secret]:
    """The files of a folder that are not empty, by name. Raises `Refused` for one that cannot be what it should be."""
    kinds = {name: KINDS[kind] for channel in channels for name, kind in channel.files.items()}
    found = {}
    for path in entries(folder):
        if path.name not in kinds:
            raise Refused(f"{path}: turns on nothing here; should be one of {', '.join(kinds)}")
        try:
            content = path.read_bytes().strip().decode(errors="replace")
        except OSError as error:
            raise _unreadable(path, error) from error
        if content and not re.fullmatch(kinds[path.name]["pattern"], content):
            raise Refused(f"{path}: should be {kinds[path.name]['right']}")
        if content:
            found[path.name] = Secret(path.absolute(), content)
    return found


def _unreadable(path: Path, error: OSError) -> Refused:
    return Refused(f"{path}: {error.strerror}; should be readable to user {os.geteuid()}, as whom Alertmanager runs")


def switched_on(folder: Path, own: Mapping[str, Secret], above: Mapping[str, Secret]) -> list[Channel]:
    """The channels of which a folder has a file; what is missing of them is taken from `above`. Raises `Refused`."""
    on = [channel for channel in CHANNELS if own.keys() & channel.files.keys()]
    for channel in on:
        missing = channel.files.keys() - own.keys() - above.keys()
        needed = sorted(missing if missing != set(channel.optional) else ())
        if needed:
            raise Refused(f"{folder / needed[0]}: is missing or empty; {channel.name} needs it")
    return on


def scopes(folder: Path) -> list[Scope]:
    """Everybody's first, then one for each team whose folder has a file that is filled. Raises `Refused`."""
    house = read_secrets(folder, CHANNELS)
    found = [Scope("", switched_on(folder, house, {}), house)]
    for path in entries(folder / TEAMS) if (folder / TEAMS).exists() else []:
        if not _TEAM_NAME.fullmatch(path.name):
            raise Refused(f"{path}: should be named as the team is, by letters, digits, spaces and ._@+-")
        own = read_secrets(path, [channel for channel in CHANNELS if channel.at != "watchdog"])
        on = switched_on(path, own, house)
        if on and all(channel.at != "people" for channel in on):
            raise Refused(f"{path}: would tell only of what is critical; fill another file too, such as slack_url")
        if on:
            found.append(Scope(path.name, on, {**house, **own}))
    return found


def filled(parts: Any, secrets: Mapping[str, Secret]) -> Any:
    """`parts` with what stands for files replaced, as channels.toml explains it; without what has no file."""
    match parts:
        case {"path_of": name}:
            return str(secrets[name].path) if name in secrets else None
        case {"content_of": name}:
            return secrets[name].content if name in secrets else None
        case {"number_in": name}:
            return int(secrets[name].content)
        case dict():
            return {key: value for key, part in parts.items() if (value := filled(part, secrets)) is not None}
    return parts


def check_version(scope: Scope, version: str) -> None:
    """Raises `Refused` for a channel that this version of Alertmanager has not."""
    for channel in scope.on:
        if _numbers(version) < _numbers(channel.since):
            file = next(scope.secrets[name].path for name in channel.files if name in scope.secrets)
            raise Refused(
                f"{file}: {channel.name} needs Alertmanager {channel.since}, and this one is {version};"
                " take a newer one, or empty the file"
            )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:2]]


def configuration(secrets: Path | None, given: Mapping[str, str], version: str) -> tuple[str, list[str]]:
    """The text of the configuration, and what is on, in words. `given`: what stands in channels.toml under that name.

    Raises `Refused`.
    """
    every = scopes(secrets) if secrets else [Scope("", (), {})]
    for scope in every:
        check_version(scope, version)
    house, *teams = every
    people = [*_given(given, house), *house.parts("people")]
    if not people:
        raise Refused(f"{secrets or '--secrets'}: nobody would be told; fill a file as its README says")
    receivers = {"people": people, "unrouted": people}
    receivers.update({at: house.parts(at) for at in ("pager", "watchdog")})
    for team in teams:
        receivers[f"people-{team.team}"] = [*_given(given, team), *team.parts("people")]
        receivers[f"pager-{team.team}"] = team.parts("pager")
    on = [scope.in_words() for scope in every if scope.on]
    return _text(receivers, [team.team for team in teams]), on


def _given(given: Mapping[str, str], scope: Scope) -> list[Parts]:
    """The channels that need no secret; mail is not caught as well where it is sent."""
    mailed = any("email_configs" in channel.receiver for channel in scope.on)
    return [
        filled(parts, {name: Secret(Path(), given[name])})
        for name, parts in GIVEN.items()
        if name in given and not (mailed and "email_configs" in parts)
    ]


def _text(receivers: Mapping[str, Sequence[Parts]], teams: Sequence[str]) -> str:
    """routes.yml with the routes of the teams, the templates and the receivers. JSON is YAML, and needs no library."""
    template = re.compile(r"(?:^ *#team.*\n)+", re.MULTILINE)
    routes = template.sub(
        lambda lines: "".join(lines[0].replace("#team", "").replace("TEAM", team) for team in teams),
        (HERE / "routes.yml").read_text(encoding="utf-8"),
    )
    listed = "".join(f"  -\n{indent(json.dumps(_receiver(*each), indent=2), '    ')}\n" for each in receivers.items())
    return f"{NOTE}{routes}\ntemplates: [{json.dumps(str(HERE / 'templates' / '*.tmpl'))}]\n\nreceivers:\n{listed}"


def _receiver(name: str, channels: Sequence[Parts]) -> Mapping[str, Any]:
    kinds = dict.fromkeys(kind for channel in channels for kind in channel)
    return {"name": name, **{kind: [channel[kind] for channel in channels if kind in channel] for kind in kinds}}


def _write(path: Path, text: str) -> None:
    """All of it or nothing. Raises `Refused`."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}; should be in a folder that this user may write to") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file and say what is on."""
    parser = argparse.ArgumentParser(prog="configure.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--secrets", type=Path, metavar="DIR", help="the folder of secrets (none: what follows is on)")
    parser.add_argument("--receiver", metavar="URL", help="where receiver.py listens, to be told of all alerts")
    parser.add_argument(
        "--catcher", metavar="HOST:PORT", help="a server that catches mail, for as long as e-mail is not on"
    )
    parser.add_argument(
        "--for", dest="version", default="0.28", metavar="VERSION", help="of the Alertmanager (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write it")
    asked = parser.parse_args(arguments)
    given = {name: value for name in ("receiver", "catcher") if (value := getattr(asked, name))}
    try:
        text, on = configuration(asked.secrets, given, asked.version)
        _write(asked.out, text)
    except Refused as refused:
        sys.stderr.write(f"configure.py: {refused}\n")
        return 2
    sys.stdout.write(f"{asked.out}: {'; '.join([*on, *(f'{name} {value}' for name, value in given.items())])}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
