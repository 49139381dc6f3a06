"""What README and the pages of docs/ show is what happens: every command in them is run, and what it prints compared.

A block ```console holds commands (after "$ ") and their output, in which … stands for anything within a line. yaml and sql
blocks of manifests.md are read by the unit test manifest-examples, sql blocks of sql.md are run. Any other block that holds commands says why it is not
run, in a comment above it: <!-- not run here: why -->. In cli.md, which is generated, NOT_RUN below says it."""
import os
import pathlib
import re
import signal
import subprocess

import pytest
from conftest import wait_for
from lib.node import BUILD, ROOT, free_port

MARK = "--- end of a command, status "
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page):
    """(language, the line above, text) of each fenced block."""
    lines = page.read_text().splitlines()
    found, start = [], None
    for i, line in enumerate(lines):
        if line.startswith("```"):
            if start is None:
                start = i
            else:
                above = next((text for text in reversed(lines[:start]) if text), "")
                found.append((lines[start][3:], above, "\n".join(lines[start + 1:i])))
                start = None
    assert start is None, f"{page}: a block does not end"
    return found


def steps(text):
    """[(command, output)] of a console block."""
    parts = re.split(r"(?m)^\$ (.*)$", text)
    assert not parts[0].strip(), f"output before a command: {parts[0]}"
    return [(command, output.strip("\n")) for command, output in zip(parts[1::2], parts[2::2])]


def matches(shown, printed):
    pattern = "\n".join(".*".join(map(re.escape, line.rstrip().split("…"))) for line in shown.splitlines())
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in printed.strip("\n").splitlines()))


class Shell:
    """One bash for all commands, in a folder that looks like the tree's; what listens gets free ports."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = {"6432": str(free_port()), "8443": str(free_port())}
        for name in ("build", "examples"):
            (folder / name).symlink_to(BUILD if name == "build" else ROOT / name)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("WEFT_", "PG"))}
        env |= {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "xdg"), "WEFT_PG_PORT": self.ports["6432"], "WEFT_HTTP_PORT": self.ports["8443"]}
        self.bash = subprocess.Popen(["bash"], cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                     start_new_session=True)

    def run(self, command):
        """What it printed on both streams, and its status."""
        for port, free in self.ports.items():
            command = re.sub(rf"\b{port}\b", free, command)
        self.bash.stdin.write(f"{command}\nstatus=$?; echo; echo '{MARK}'$status\n")
        self.bash.stdin.flush()
        out = []
        for line in self.bash.stdout:
            if line.startswith(MARK):
                return "".join(out), int(line[len(MARK):])
            out.append(line)
        raise AssertionError(f"the shell ended in: {command}\n{''.join(out)}")

    def close(self):
        os.killpg(self.bash.pid, signal.SIGTERM)
        self.bash.wait(20)
        self.bash.stdin.close()
        self.bash.stdout.close()


@pytest.fixture
def shell(tmp_path):
    shell = Shell(tmp_path)
    yield shell
    shell.close()


def test_readme(shell):
    walk = [step for language, _, text in blocks(ROOT / "README.md") if language == "console" for step in steps(text)]
    assert len(walk) > 20
    for command, shown in walk:
        printed, _ = shell.run(command)
        assert matches(shown, printed), f"$ {command}\n{printed}\nREADME shows:\n{shown}"
        if "weft serve" in command:  # a reader takes longer than the node
            wait_for(lambda: shell.run("weft get nodes")[1] == 0)


def test_every_block_is_run_or_says_why_not():
    for page in PAGES:
        for language, above, text in blocks(page):
            if page.name == "cli.md" or (page.name, language) == ("README.md", "console"):
                continue
            if (page.name, language) in (("manifests.md", "yaml"), ("manifests.md", "sql"), ("sql.md", "sql")):
                continue
            holds_commands = language in ("sh", "bash", "console", "sql", "yaml") or re.search(r"(?m)^\$ ", text)
            assert not holds_commands or above.startswith("<!-- not run here: "), f"{page}: {text}"


# cli.md: the examples in their order, on a node that has what they name
NOT_RUN = {"weft --data ./node serve --set pg_port=5432 --set http_port=8443": "on fixed ports, which may be taken"}
STATUS = {  # of the others it is 0
    "weft apply -f examples/shop/mesh": 2,  # asks, and there is nobody
    "weft user add alice --group analysts --attribute country=DE,FR": 5,  # is there already
    "weft cancel 42": 3, "weft cancel q17": 3, "weft retry 42": 3, "weft wait 42 43": 3, "weft wait 42 --timeout 10min": 3, "weft logs -f 42": 3, "weft get failures sales.orders": 3,  # there is none
    "weft --data ./stock node join stock.invitation": 8, "weft node set stock --domain stock,returns": 3, "weft node trust sales --group analysts --attribute countries": 3,  # no such node: test_mesh_trust.py has some
}
PREPARED = """
cp -r examples/bakery/mesh mesh
sed -i 's/name: delivery/name: fraud-check/' mesh/governance/vocabulary.yaml
printf 'long enough a secret' | tee secret secret.txt
mkdir -p .config/fish/completions
echo "SELECT region, count(*) FROM sales.orders GROUP BY region" > report.sql
export PATH=$PWD/build:$PATH WEFT_DATA=$PWD/lab
weft init --name lab
cp lab/keys/tls.crt next.crt
weft serve > serve.log 2>&1 &
cp examples/bakery/sources/*.csv lab/sources
"""
LATER = """
weft user add alice --group analysts --attribute country=DE --password-file secret
weft user add etl --no-password
weft user add olga --group sales-owners --password-file secret
weft apply -f mesh --yes
"""


def in_its_place(command):
    """The example as it is, where it makes sense: the second node, the folder of manifests, a user who may see data."""
    if command.endswith(" serve"):
        return f"WEFT_PG_PORT={free_port()} WEFT_HTTP_PORT={free_port()} {command} >node.log 2>&1 &"
    if "examples/shop/mesh" in command:
        return f"WEFT_DATA=$PWD/node {command} </dev/null"
    if re.search(r" -f \.( |$)", command):
        return f"(cd mesh && {command})"
    command = command.replace("weft sql", "weft sql --as alice")
    return command if "<" in command else f"{command} </dev/null"


def test_examples_of_the_command_line(shell):
    examples = [line[2:] for _, _, text in blocks(ROOT / "docs/cli.md") for line in text.splitlines() if line.startswith("$ ")]
    for command in PREPARED.strip().splitlines():
        assert shell.run(command)[1] == 0, command
    wait_for(lambda: shell.run("weft get nodes")[1] == 0)
    for command in LATER.strip().splitlines():
        printed, status = shell.run(command)
        assert status == 0, printed
    assert not (NOT_RUN.keys() | STATUS.keys()) - set(examples)
    for command in examples:
        if command not in NOT_RUN:
            printed, status = shell.run(in_its_place(command))
            assert status == STATUS.get(command, 0), f"$ {command}\n{printed}"
        if command.endswith(" serve"):
            wait_for(lambda: shell.run("weft --data ./node get nodes")[1] == 0)
    # the statements of sql.md, as an owner, after a delivery that did not pass
    assert shell.run("echo '8,2,EU,-4.00,2026-11-04 08:00:00+00' >>lab/sources/orders.csv; weft run sales.orders")[1] == 6
    for _, _, text in [block for block in blocks(ROOT / "docs/sql.md") if block[0] == "sql"]:
        (shell.folder / "page.sql").write_text(text)
        printed, status = shell.run("weft sql --as olga -f page.sql")
        assert status == 0, f"{text}\n{printed}"
