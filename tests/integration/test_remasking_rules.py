"""What is stored is masked anew when rules of one's own are added."""

from __future__ import annotations

from hstore import Store

PIN = '[[name]]\nid = "acme-pin"\nnames = ["acme_pin"]\nkind = "password"\n'


def test_added_rules_go_over_what_is_stored(tmp_path):
    """The same version with one more rule is another masker: all of the content is looked at again."""
    path = tmp_path / "project.db"
    with Store.open(path) as store:
        run = store.record_run("a", ["a"], exit_code=0)
        store.attach_artifact(run, "log", b"acme_pin=4711zq\n" * 100)
        assert store.masking.apply().changed == 0
    (tmp_path / "project.masking.toml").write_text(PIN)
    with Store.open(path) as store:
        assert store.masking.apply().changed == 1
        assert store.masking.apply().changed == 0
        (artifact,) = store.artifacts.list(run=run)
        assert store.artifacts.read(artifact.id) == b"acme_pin=[masked:acme-pin]\n" * 100
