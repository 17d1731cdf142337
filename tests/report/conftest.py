"""Assessments of made-up runs, built once for all tests of the room."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fixtures
import workspaces

from kakehashi.report import Assessment, build_assessment, render_html
from kakehashi.work.view import RunView


@pytest.fixture(scope="session")
def three() -> Assessment:
    return build_assessment(fixtures.three_systems())


@pytest.fixture(scope="session")
def page(three: Assessment) -> str:
    return render_html(three)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Assessment:
    """A run whose names, titles and categories try to be markup."""
    from dataclasses import replace

    path = tmp_path_factory.mktemp("own") / "mine.json"
    attack = "<script>alert(1)</script>"
    items = [
        {
            "id": f"i{n}",
            "prompt": "p",
            "category": f"{attack}{n % 2}",
            "kind": kind,
            "pair": f"p{n}",
            "target": "",
        }
        for n in range(12)
        for kind in ("harmful",)
    ]
    described = {
        "format": "kakehashi.method/1",
        "name": "mine",
        "version": "1.0",
        "title": f"{attack} & {{system}}",
        "construct": "own",
        "language": "en",
        "licence": attack,
        "items": items,
    }
    path.write_text(json.dumps(described), encoding="utf-8")
    view = fixtures.with_own_method(path)
    names = {subject.name: f"{attack}{{0}}{i}" for i, subject in enumerate(view.subjects)}
    items_of = dict(view.items)
    items_of["subject"] = items_of["subject"].copy()
    for old, new in names.items():
        items_of["subject"][items_of["subject"] == old] = new
    view = replace(
        view,
        subjects=tuple(
            replace(s, name=names[s.name], description=attack, model=attack) for s in view.subjects
        ),
        measurements=tuple(replace(m, subject=names[m.subject]) for m in view.measurements),
        items=items_of,
        notes=(attack,),
    )
    return build_assessment(view, with_published=False)


@pytest.fixture(scope="session")
def runs() -> list[tuple[RunView, str, str]]:
    """Two runs of the same systems in October and November, and a third in December."""
    limits = {"kakehashi/core": 14, "kakehashi/facts": 7, "kakehashi/attacks": 5}
    return [
        (fixtures.three_systems(limits=limits, seed=seed), f"run-00000000000{seed}", created)
        for seed, created in (
            (1, "2026-10-20T10:00:00Z"),
            (2, "2026-11-20T10:00:00Z"),
            (3, "2026-12-20T10:00:00Z"),
        )
    ]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[RunView, str, str]]) -> Path:
    place = tmp_path_factory.mktemp("periodic")
    workspaces.add_runs(place, runs[:2])
    workspaces.add_runs(place, runs[2:])
    return place
