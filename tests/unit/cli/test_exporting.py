"""Lines that set variables, as each shell reads them."""

import subprocess

from tapwater_server.cli.exporting import Shell, export_lines, guess_shell, variables

HARD = 'it\'s "$HOME" `x` \\ a;b'


def test_a_shell_reads_back_what_was_meant() -> None:
    script = "\n".join([*export_lines({"FOUND": HARD}, Shell.SH), 'printf %s "$FOUND"'])
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == HARD


def test_other_shells() -> None:
    assert export_lines({"A": "it's"}, Shell.FISH)[0] == r"set -gx A 'it\'s';"
    assert export_lines({"A": "it's"}, Shell.POWERSHELL)[0] == "$env:A = 'it''s'"
    assert guess_shell({"SHELL": "/bin/zsh"}) is Shell.SH
    assert guess_shell({"PSModulePath": "x"}) is Shell.POWERSHELL


def test_a_domain_gives_s3_a_name() -> None:
    facts = {"region": "us-east-1", "domain": "aws.example.com"}
    found = variables("https://aws.example.com:8443", facts, ("A", "s"))
    assert found["AWS_ENDPOINT_URL_S3"] == "https://s3.aws.example.com:8443"
