"""Check what would be published: `make release-check`, or with `ARGS=3.13` for one Python. Builds sdist and wheel, and tries them cleanly.

Everything is written into `build/release`. The exit code is 0 if every step passed. Steps that need what is not on this machine are listed
as left out, and what only a publisher can decide, such as the address of the project, as open.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "release"
TOOLS = Path(sys.executable).parent
PYRIGHT = ROOT / "tools" / "node" / "node_modules" / "pyright" / "index.js"
PYTHONS = ("3.11", "3.12", "3.13")
NEEDED_IN_SDIST = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile", "action.yml", ".pre-commit-hooks.yaml")


@dataclass
class Findings:
    """What the steps found: `failed`, `left_out` for lack of a tool, and `open`, which a publisher decides."""

    failed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def step(self, name: str, command: Sequence[str | Path], cwd: Path = ROOT) -> str:
        """Run a command, and note it as failed if it fails; return what it prints."""
        environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        output = (done.stdout + done.stderr).strip()
        print(f"{'ok    ' if done.returncode == 0 else 'FAILED'} {name}", flush=True)
        if done.returncode:
            self.failed.append(name)
            print(output[-3000:])
        return output


def build(findings: Findings) -> tuple[Path, Path]:
    """Return wheel and sdist; the wheel is built from the sdist, as an installer without wheels would."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    findings.step("build sdist, and the wheel from it", [sys.executable, "-m", "build", "--outdir", FOLDER / "dist", ROOT])
    try:
        (wheel,), (sdist,) = FOLDER.glob("dist/*.whl"), FOLDER.glob("dist/*.tar.gz")
    except ValueError as error:
        raise SystemExit("release-check: nothing was built, so nothing else can be checked") from error
    return wheel, sdist


# -- contents and metadata ------------------------------------------------------------------------------------------------------------


def content_problems(wheel: Path, sdist: Path, modules: set[str]) -> Iterator[str]:
    """Return what is missing in the files, or too much; `modules` are the paths of the package's modules in the checkout."""
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    yield from (f"the wheel lacks {name}" for name in sorted(modules - inside))
    others = {name for name in inside if not name.startswith("nclue_contract/")}
    yield from (f"the wheel has {name}, which is no part of the package" for name in sorted(others))
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    yield from (f"the sdist lacks {name}" for name in sorted((modules | set(NEEDED_IN_SDIST)) - packed))


def metadata_problems(text: str, project_version: str, changelog: str) -> Iterator[str]:
    """Return what is wrong with the metadata of the wheel, README included."""
    metadata = Parser().parsestr(text)
    if metadata["Version"] != project_version:
        yield f"the version is {metadata['Version']}, and {project_version} in the package"
    if f"\n## [{project_version}]" not in changelog:
        yield f"CHANGELOG.md has no section [{project_version}]"
    if not (metadata["Author"] or metadata["Author-email"]):
        yield "there is no author"
    readme = str(metadata.get_payload())
    yield from (f"README: the link {link} is relative, and leads nowhere on an index" for link in relative_links(readme))
    named = {item.rpartition(" ")[2] for item in metadata.get_all("Classifier", []) if re.search(r"Python :: 3\.\d+$", item)}
    if named != set(PYTHONS):
        yield f"the classifiers name Python {', '.join(sorted(named))}, and this check tries {', '.join(PYTHONS)}"


def relative_links(markdown: str) -> list[str]:
    """Return the targets of links in Markdown, outside of code, that are not absolute URLs."""
    text = re.sub(r"(?ms)^```.*?^```$|`[^`\n]*`", "", markdown)
    return [link for link in re.findall(r"\]\(([^)\s]+)", text) if not re.match("https?://|mailto:", link)]


def open_questions(text: str) -> Iterator[str]:
    """Return what a publisher has to decide."""
    labels = {line.partition(",")[0] for line in Parser().parsestr(text).get_all("Project-URL", [])}
    missing = sorted({"Documentation", "Source", "Changelog"} - labels)
    if missing:
        yield f"[project.urls] has no {', '.join(missing)}: the project has no address yet"


# -- clean environments -----------------------------------------------------------------------------------------------------------------


def find_python(version: str) -> Path | None:
    """Return a Python of this version: on the path, or of pyenv, whose programs on the path may refuse to run."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = shutil.which(f"python{version}")
    for python in [*([Path(named)] if named else []), *sorted(pyenv.glob(f"{version}.*/bin/python"))]:
        if subprocess.run([python, "-m", "venv", "--help"], capture_output=True, check=False).returncode == 0:
            return python
    return None


def try_environments(wheel: Path, extras: Sequence[str], findings: Findings) -> None:
    """Install the wheel into clean environments, alone and with each extra, in newest and lowest versions, and try it there."""
    wanted = sys.argv[1:] or PYTHONS
    findings.left_out += [f"Python {version}, which was not asked for" for version in PYTHONS if version not in wanted]
    for version in wanted:
        python = find_python(version)
        if python is None:
            findings.left_out.append(f"Python {version}, which is not on this machine")
            continue
        for resolution in ("highest", "lowest-direct"):
            for extra in extras if resolution == "lowest-direct" else ("", *extras):
                label = f"{version}, {extra or 'base'}, {resolution}"
                used = [one for one in extras if one != "all"] if extra == "all" else [extra] if extra else []
                _try(wheel, python, Target(label, extra, used, resolution), findings)


@dataclass(frozen=True)
class Target:
    """One clean environment: which extra is installed (empty: none), which extras can be used then, and which versions are chosen."""

    label: str
    extra: str
    used: Sequence[str]
    resolution: str

    @property
    def home(self) -> Path:
        """Return its folder."""
        return FOLDER / "environments" / re.sub("[^a-z0-9.]+", "-", self.label)


def _try(wheel: Path, python: Path, target: Target, findings: Findings) -> None:
    uv, label, home = TOOLS / "uv", target.label, target.home
    findings.step(f"{label}: environment", [uv, "venv", "--quiet", "--clear", "--python", python, home], FOLDER)
    install: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", home / "bin" / "python", "--resolution", target.resolution]
    install.append(f"nclue-contract[{target.extra}] @ {wheel.as_uri()}" if target.extra else str(wheel))
    findings.step(f"{label}: install", install, FOLDER)
    if not target.extra:
        listed = findings.step(
            f"{label}: list", [uv, "pip", "list", "--quiet", "--python", home / "bin" / "python", "--format", "freeze"], FOLDER
        )
        if others := [line for line in listed.splitlines() if not line.startswith("nclue-contract")]:
            findings.failed.append(f"{label}: more than the package is installed: {', '.join(others)}")
    findings.step(f"{label}: check requirements", [uv, "pip", "check", "--quiet", "--python", home / "bin" / "python"], FOLDER)
    smoke: list[str | Path] = [home / "bin" / "python", "-I", ROOT / "tools" / "release_smoke.py", ROOT / "tests" / "corpus", *target.used]
    findings.step(f"{label}: corpus, check, extras", smoke, FOLDER)


def check_types(findings: Findings) -> None:
    """Read the typed API from outside with mypy and pyright: an example in a folder of its own, and the installed package."""
    home = next(iter(sorted(FOLDER.glob("environments/*-all-highest"))), None)
    if home is None:
        findings.failed.append("types: there is no environment with all extras")
        return
    outside = FOLDER / "typed"
    outside.mkdir(exist_ok=True)
    shutil.copy(ROOT / "tests" / "packaging" / "typing_examples.py", outside)
    python = home / "bin" / "python"
    findings.step("mypy from outside", [TOOLS / "mypy", "--strict", "--python-executable", python, "typing_examples.py"], outside)
    if PYRIGHT.is_file() and (node := shutil.which("node", path=f"{TOOLS}{os.pathsep}{os.environ['PATH']}")):
        findings.step("pyright from outside", [node, PYRIGHT, "--pythonpath", python, "typing_examples.py"], outside)
    else:
        findings.left_out.append("pyright, which 'make node' installs")


def main() -> int:
    """Check everything, and return the exit code."""
    findings = Findings()
    wheel, sdist = build(findings)
    findings.step("twine check --strict", [TOOLS / "twine", "check", "--strict", wheel, sdist])
    findings.step("check-wheel-contents", [TOOLS / "check-wheel-contents", wheel])
    findings.step("validate-pyproject", [TOOLS / "validate-pyproject", "pyproject.toml"])
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "nclue_contract").rglob("*.py")}
    findings.failed += content_problems(wheel, sdist, modules)
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = archive.read(name).decode("utf-8")
    version = re.findall('(?m)^__version__ = "(.+)"$', (ROOT / "nclue_contract" / "__init__.py").read_text(encoding="utf-8"))[0]
    findings.failed += metadata_problems(metadata, version, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    findings.open += open_questions(metadata)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    try_environments(wheel, sorted(extras), findings)
    check_types(findings)
    print(f"\n{wheel.name}: {len(archive.namelist())} files, {wheel.stat().st_size:,} bytes; {sdist.name}: {sdist.stat().st_size:,} bytes")
    (FOLDER / "contents.txt").write_text("".join(f"{name}\n" for name in sorted(archive.namelist())), encoding="utf-8")
    for title, lines in (("left out", findings.left_out), ("open before publishing", findings.open), ("FAILED", findings.failed)):
        print("".join(f"{title}: {line}\n" for line in lines), end="")
    return 1 if findings.failed else 0


if __name__ == "__main__":
    sys.exit(main())
