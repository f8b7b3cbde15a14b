"""Borders that the import contracts cannot say: only types lead back inside of `sim`."""

from __future__ import annotations

import grimp


def circle_of(graph, package):
    """Modules of a package that import each other in a circle, or nothing."""
    modules = [name for name in graph.modules if name.startswith(f"{package}.")]
    left = {name: graph.find_modules_directly_imported_by(name) & {*modules} for name in modules}
    while loose := [name for name, wants in left.items() if not wants & left.keys()]:
        for name in loose:
            del left[name]
    return sorted(left)


def test_no_module_of_the_simulation_loads_one_that_loads_it():
    package = "orderflow_bt.sim"
    loaded = grimp.build_graph("orderflow_bt", exclude_type_checking_imports=True, cache_dir=None)
    assert len(loaded.find_descendants(package)) > 20
    assert circle_of(loaded, package) == []


def test_a_circle_is_seen():
    graph = grimp.ImportGraph()
    for name in ("p", "p.a", "p.b", "p.c", "p.d"):
        graph.add_module(name)
    for importer, imported in (("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")):
        graph.add_import(importer=f"p.{importer}", imported=f"p.{imported}")
    assert circle_of(graph, "p") == ["p.a", "p.b", "p.c"]  # and what leads to it
    graph.remove_import(importer="p.c", imported="p.b")
    assert circle_of(graph, "p") == []
