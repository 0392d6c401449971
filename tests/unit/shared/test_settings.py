import dataclasses
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.settings import Secret, ServiceSettings, SettingsError, describe, load, setting


@dataclass(frozen=True, kw_only=True)
class ToySettings(ServiceSettings):
    size: int = setting("how large", default=3)
    pepper: Secret = setting("mixed in", default=Secret("sandbox"), required_in_production=True)


GOOD = {
    "TOY_DATABASE_URL": "postgresql://u:hunter2@localhost/x",
    "TOY_REDIS_URL": "redis://localhost/0",
    "TOY_PUBLIC_URL": "https://toy.example",
    "TOY_ISSUER": "https://id.example/openid",
    "TOY_ENCRYPTION_KEYS": "a:b",
    "TOY_AUDIT_SEED": "x",
    "TOY_CLIENT_ID": "toy",
    "TOY_CLIENT_KEY": "{}",
    "TOY_PEPPER": "salt",
}


def test_good_environment_is_read_with_types_and_defaults() -> None:
    settings = load(ToySettings, "toy", GOOD | {"TOY_SIZE": "7", "TOY_OUTBOUND_PRIVATE_HOSTS": "a:1, b:2,"})
    assert (settings.size, settings.outbound_private_hosts, settings.environment) == (7, ("a:1", "b:2"), "production")
    assert settings.secure
    assert not settings.is_sandbox


def test_all_faults_are_told_together_without_a_secret() -> None:
    bad = {k: v for k, v in GOOD.items() if k != "TOY_REDIS_URL"} | {
        "TOY_SIZE": "many",
        "TOY_PUBLIC_URL": "toy.example/x",
        "TOY_ENVIRONMENT": "test",
    }
    with pytest.raises(SettingsError) as caught:
        load(ToySettings, "toy", bad)
    text = str(caught.value)
    assert len(caught.value.faults) == 4
    for name in ("TOY_REDIS_URL", "TOY_SIZE", "TOY_PUBLIC_URL", "TOY_ENVIRONMENT"):
        assert name in text
    assert "hunter2" not in text


def test_secret_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://from/file\n")
    environ = {k: v for k, v in GOOD.items() if k != "TOY_DATABASE_URL"} | {"TOY_DATABASE_URL_FILE": str(file)}
    assert load(ToySettings, "toy", environ).database_url.reveal() == "postgresql://from/file"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"TOY_DATABASE_URL_FILE": "/nowhere/at/all"}, "not both"),
        ({"TOY_DATABASE_URL": "", "TOY_DATABASE_URL_FILE": "/nowhere/at/all"}, "not both"),
        ({"TOY_CLIENT_KEY": ""}, "is not set"),
        ({"TOY_PUBLIC_URL": "https://toy.example/"}, "must be an origin|slash"),
        ({"TOY_PUBLIC_URL": "javascript://x"}, "origin"),
        ({"TOY_TRUSTED_PROXIES": "1.5"}, "whole number"),
        ({"TOY_EDGE_ADDRESSES": "10.0.0.1,edge"}, "addresses or networks"),
    ],
)
def test_fault_is_named(change: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load(ToySettings, "toy", GOOD | change)


def test_missing_secret_file_is_told() -> None:
    environ = {k: v for k, v in GOOD.items() if k != "TOY_DATABASE_URL"} | {"TOY_DATABASE_URL_FILE": "/nowhere/at/all"}
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load(ToySettings, "toy", environ)


def test_sandbox_default_is_refused_in_production() -> None:
    environ = {k: v for k, v in GOOD.items() if k != "TOY_PEPPER"}
    with pytest.raises(SettingsError, match="TOY_PEPPER must be set in production"):
        load(ToySettings, "toy", environ)
    assert load(ToySettings, "toy", environ | {"TOY_ENVIRONMENT": "sandbox"}).pepper.reveal() == "sandbox"


def test_secret_never_prints() -> None:
    settings = load(ToySettings, "toy", GOOD)
    for text in (repr(settings), str(settings), f"{settings.database_url}", str(dataclasses.asdict(settings))):
        assert "hunter2" not in text


def test_settings_are_frozen() -> None:
    settings = load(ToySettings, "toy", GOOD)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.size = 9  # type: ignore[misc]


def test_description_names_each_variable_and_hides_secret_defaults() -> None:
    rows = {row.variable: row for row in describe(ToySettings, "toy")}
    assert rows["TOY_SIZE"].default == "3"
    assert rows["TOY_PEPPER"].default == ""
    assert rows["TOY_DATABASE_URL"].default is None
    assert all(row.help for row in rows.values())
