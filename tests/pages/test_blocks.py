"""Blocks of code in Markdown files are what they say they are: queries, settings, and programs that can be read."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import bcrypt
import pytest
import trustme
import yaml
from demo.binaries import Tools
from grafana.contract import EVERYWHERE, PROMETHEUS, TAXIMETER
from pages.markdown import REPOSITORY, Code, blocks, code
from support.programs import program

LANGUAGES = {"sh", "promql", "yaml", "python", ""}
SHIPPED = REPOSITORY / "exporter" / "taximeter.yaml"
HASH = bcrypt.hashpw(b"a password", bcrypt.gensalt(rounds=4)).decode()

each_query = pytest.mark.parametrize("block", blocks("promql"), ids=str)


def test_no_block_is_in_a_language_that_nobody_looks_at() -> None:
    assert {each.language for each in code() if each.is_block} == LANGUAGES


def promtool(tools: Tools, *arguments: str | Path) -> None:
    done = subprocess.run([tools.promtool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.binaries
def test_prometheus_can_read_every_query(tools: Tools, tmp_path: Path) -> None:
    queries = [(str(block), line) for block in blocks("promql") for line in block.text.splitlines() if line]
    rules = [
        {"record": f"line:{number}", "expr": line, "labels": {"of": where}}
        for number, (where, line) in enumerate(queries)
    ]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
    promtool(tools, "check", "rules", path)


@each_query
def test_a_query_asks_by_labels_that_are_there(block: Code) -> None:
    """Of what recording rules make this is not known by a table."""
    for name, selector in re.findall(r"(?<![\w:])(\w+)\{([^}]*)\}", block.text):
        labels = set(re.findall(r"(\w+)\s*[=!]", selector))
        assert labels <= {**TAXIMETER, **PROMETHEUS}[name] | EVERYWHERE, name


def kind(block: Code) -> str:
    """What a block of settings is for, by what stands at its top."""
    first = next(iter(yaml.safe_load(block.text)))
    if first == "tls_server_config":
        return "web configuration"
    return "prometheus" if first in {"scrape_configs", "rule_files"} else "taximeter"


def settings(of: str) -> pytest.MarkDecorator:
    """Each block of settings of this kind."""
    return pytest.mark.parametrize("block", [block for block in blocks("yaml") if kind(block) == of], ids=str)


@pytest.mark.binaries
@settings("prometheus")
def test_prometheus_accepts_settings_of_its_own(block: Code, tools: Tools, tmp_path: Path) -> None:
    # Files of rules are named from where prometheus.yml lies, and have to be there.
    text = re.sub(r"^  - (?=\w*rules/)", f"  - {REPOSITORY}/prometheus/", block.text, flags=re.MULTILINE)
    path = tmp_path / "prometheus.yml"
    path.write_text(text, encoding="utf-8")
    promtool(tools, "check", "config", path)
    assert all(any(Path("/").glob(each.lstrip("/"))) for each in yaml.safe_load(text).get("rule_files", []))


def check(*arguments: str | Path) -> None:
    command = [program("taximeter-exporter"), "check", "--config", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@settings("taximeter")
def test_the_exporter_accepts_settings_in_its_configuration(block: Code, tmp_path: Path) -> None:
    path = tmp_path / "taximeter.yaml"
    shipped = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({**shipped, **yaml.safe_load(block.text)}), encoding="utf-8")
    check(path)


@settings("web configuration")
def test_the_exporter_accepts_its_web_configuration(block: Code, tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
    certificate.private_key_pem.write_to_path(tmp_path / "server.key")
    path = tmp_path / "web.yml"
    path.write_text(block.text.replace("$2y$10$…", HASH), encoding="utf-8")
    check(SHIPPED, "--web.config.file", path)


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_a_shell_can_read_it(block: Code) -> None:
    done = subprocess.run(["sh", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_can_read_it(block: Code) -> None:
    compile(block.text, str(block), "exec")
