"""The command line. Exit status: 0 it fired and arrived, 1 it did not, 2 bad input, 130 interrupted."""

from __future__ import annotations

import argparse
import difflib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from demo.binaries import REMEDY, ToolsMissing, find
from demo.configs import REPOSITORY
from demo.interrupts import Interrupted, Interrupts, TookTooLong
from demo.ports import ANY, free_ports
from demo.processes import EndedEarly, Processes
from demo.show import say
from demo.web import NoAnswer, get_json

from fire.cases import Case, firing_cases
from fire.delivery import Delivery, OurReceiver, RunningAlertmanager
from fire.firing import Firing, NotFiring
from fire.rules import Rules, read_rules

ARRIVED_SECONDS = 90.0
"""Ten until Prometheus has sent it, and our routes wait for more alerts of a group for ten at most."""
OVER_SECONDS = 180.0
HELP = """\
Makes one of our alerts fire on purpose, to see what people are told and what that looks like.

A Prometheus is started in a temporary folder with the data of the first case of prometheus/tests/ in which the alert
fires, moved to now, and with the rules of prometheus/rules/. So that nobody waits, these are changed in two ways: an
alert fires without its `for`, and every group is evaluated each second. All data are made up and say so: each series
and each alert has the label simulated="true", each alert also fired="on purpose".

  make fire ALERT=TaximeterGpuHot
      told to an Alertmanager with our routes that is started here, and printed as its receiver gets it
  make fire ALERT=TaximeterGpuHot ARGS='--alertmanager http://127.0.0.1:9093'
      told to an Alertmanager that runs, and so to the people whom that tells; later it is over, and that is told, too
  make fire
      lists all alerts
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fire one alert, or list them all; whatever happens, everything that it started has ended when this returns."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    rules = read_rules(REPOSITORY / "prometheus" / "rules")
    cases = firing_cases(REPOSITORY / "prometheus" / "tests")
    if asked.list:
        width = max(map(len, rules.alerts))
        for name in rules.alerts:
            say(f"{name:{width}}  {', '.join(cases[name]):24}  prometheus/rules/{rules.file_of(name)}")
        return 0
    if asked.alert not in cases:
        near = difflib.get_close_matches(asked.alert, cases, n=1, cutoff=0.3)
        hint = f"did you mean {near[0]}? " if near else ""
        parser.error(f"ALERT: there is no alert {asked.alert}; {hint}--list names them all")
    severity = asked.severity or next(iter(cases[asked.alert]))
    if severity not in cases[asked.alert]:
        parser.error(f"--severity: {asked.alert} has {' and '.join(cases[asked.alert])}, not {severity}")
    with Interrupts() as interrupts:
        try:
            return _fire(cases[asked.alert][severity], rules, asked.alertmanager, asked.minutes, interrupts)
        except Interrupted:
            say("Stopped: everything that was started here has ended.")
            return 130
        except ToolsMissing as error:
            say(REMEDY)
            say(f"fire: {error}")
            return 2
        except EndedEarly as error:
            say(error.tail)
            say(f"fire: {error}")
            return 1
        except (NotFiring, NoAnswer, TookTooLong) as error:
            say(f"fire: {error}")
            return 1


def _fire(case: Case, rules: Rules, alertmanager: str | None, minutes: float, interrupts: Interrupts) -> int:
    alert = case.alert
    if alertmanager:
        get_json(f"{alertmanager.rstrip('/')}/api/v2/status")  # before anything is started
    tools = find(REPOSITORY / ".tools", interrupts, say)
    ports = free_ports(ANY)
    with tempfile.TemporaryDirectory(prefix="taximeter-fire-") as folder, Processes() as processes:
        delivery: Delivery = (
            RunningAlertmanager(alertmanager)
            if alertmanager
            else OurReceiver(Path(folder), ports, tools, processes, interrupts)
        )
        say(f"Firing {alert} of prometheus/rules/{rules.file_of(alert)}, with made-up data:")
        say(f"    prometheus/tests/{case.source}")
        firing = Firing(case, rules, tools, Path(folder), ports.prometheus, processes, interrupts)
        firing.fire(delivery.url)
        say(f"It fires in Prometheus; waiting for Alertmanager ({delivery.url})")
        for told in _wait_until_arrived(alert, delivery, interrupts):
            say(told)
        if alertmanager:
            say(f"It goes on for {minutes:g} minutes, or until Ctrl-C")
            _sleep(60 * minutes, interrupts)
            firing.end()
            interrupts.wait_until(
                lambda: not delivery.arrived(alert), seconds=OVER_SECONDS, what=f"the end of {alert} in Alertmanager"
            )
            say("It is over, and Alertmanager knows.")
    return 0


def _sleep(seconds: float, interrupts: Interrupts) -> None:
    until = time.monotonic() + seconds
    interrupts.wait_until(lambda: time.monotonic() >= until, seconds=seconds + 1, what="the time", every=0.2)


def _wait_until_arrived(alert: str, delivery: Delivery, interrupts: Interrupts) -> Sequence[str]:
    """What arrived; if nothing does though Alertmanager has it, what that has. Raises `TookTooLong`."""
    try:
        interrupts.wait_until(
            lambda: bool(delivery.arrived(alert)), seconds=ARRIVED_SECONDS, what=f"the arrival of {alert}"
        )
        return delivery.arrived(alert)
    except TookTooLong:
        held = RunningAlertmanager(delivery.url).arrived(alert)
        if not held:
            raise
        return ["Alertmanager has it, and tells nobody now: so its routes say (alertmanager/routes.yml).", *held]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make fire", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("alert", nargs="?", metavar="ALERT", help="the name of the alert")
    what.add_argument("--list", action="store_true", help="name all alerts, with severity and file")
    parser.add_argument("--severity", help="which, of an alert with more than one (default: the first of its tests)")
    parser.add_argument(
        "--alertmanager", type=_url, metavar="URL", help="tell this Alertmanager, in place of one that is started here"
    )
    parser.add_argument(
        "--minutes", type=_minutes, default=2.0, help="how long it fires there before it is over (default: 2)"
    )
    return parser


def _url(text: str) -> str:
    address = urlsplit(text)
    if address.scheme not in {"http", "https"} or not address.netloc:
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL such as http://127.0.0.1:9093")
    return text


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0
    if not 0 < minutes <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes above 0 and up to a day's 1440")
    return minutes


if __name__ == "__main__":
    sys.exit(main())
