"""The plan: the same sandbox after each start, and another one in another folder."""

import importlib
import json
from dataclasses import replace

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from deploy.errors import CannotStart
from deploy.sandbox import plan as plans
from deploy.sandbox.plan import Engines
from deploy.sandbox.ports import Ports
from deploy.services import SERVICES
from deploy.serving import settings_class
from shared.settings import load

OWN = Engines("postgresql://postgres:pw@127.0.0.1:5555/postgres", "redis://:pw@127.0.0.1:6666")


@pytest.fixture
def plan(tmp_path):
    return replace(plans.load_or_make(tmp_path, Ports()), engines=OWN)


def everything(plan):
    return (plan.secret("x"), plan.hex_secret("x"), plan.uuid("x"), plan.password("x"), plan.jwk("x"), plan.citizens, plan.clients)


def test_a_second_start_gives_the_same_secrets(plan, tmp_path):
    assert everything(plans.load_or_make(tmp_path, Ports())) == everything(plan)


def test_another_sandbox_has_other_secrets(plan, tmp_path):
    other = plans.load_or_make(tmp_path / "other", Ports())
    assert not set(map(repr, everything(other))) & set(map(repr, everything(plan)))


def test_the_seed_is_private_and_does_not_print(plan, tmp_path):
    kept = tmp_path / "secrets.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert plan.seed.hex() not in repr(plan)
    assert repr(plan.seed) not in repr(plan)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"seed": "not hex"}', '{"seed": 7}'])
def test_damaged_secrets_are_one_sentence(tmp_path, text):
    (tmp_path / "secrets.json").write_text(text)
    with pytest.raises(CannotStart, match="is damaged"):
        plans.load_or_make(tmp_path, Ports())


def test_a_key_signs_what_its_public_half_checks(plan):
    private = ECKey.import_key(plan.jwk("machine"))
    token = jws.serialize_compact({"alg": "ES256"}, b"payload", private)
    public = ECKey.import_key(private.as_dict(private=False))
    assert jws.deserialize_compact(token, public).payload == b"payload"
    assert private.thumbprint() == plan.jwk("machine")["kid"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_environment_satisfies_the_services_own_settings(plan, service):
    settings = load(settings_class(service), service, plan.environment(service))
    assert settings.public_url == getattr(plan.urls, service)
    assert settings.issuer == "http://localhost:8001/openid"
    assert settings.is_sandbox


def test_no_two_services_share_a_key(plan):
    keys = [
        plan.environment(service)[f"{service}_{name}".upper()]
        for service in SERVICES
        for name in ("encryption_keys", "audit_seed", "client_key")
    ]
    assert len(set(keys)) == len(keys)


def test_outbound_calls_may_go_to_the_sandboxs_own_ports_and_no_other_private_address(plan):
    hosts = set(plan.environment("notify")["NOTIFY_OUTBOUND_PRIVATE_HOSTS"].split(","))
    assert "localhost:8005" in hosts
    assert not any(host.endswith((":5555", ":6666", ":22")) for host in hosts)


def test_on_a_server_of_others_the_databases_carry_the_sandboxs_name(plan, tmp_path):
    foreign = replace(plan, engines=replace(OWN, own=False))
    other = replace(plans.load_or_make(tmp_path / "other", Ports()), engines=foreign.engines)
    assert plan.database_name("pay") == "pay"
    assert foreign.database_name("pay").startswith("sandbox_")
    assert foreign.database_name("pay") != other.database_name("pay")


def test_every_citizen_has_a_run_with_a_right_check_digit(plan):
    run = importlib.import_module("stdnum.cl.rut") if importlib.util.find_spec("stdnum") else None
    for person in (*plan.citizens, *plan.staff):
        number, _, digit = person.run.partition("-")
        total = sum(int(figure) * (2 + place % 6) for place, figure in enumerate(reversed(number)))
        assert digit == "0123456789K0"[11 - total % 11]
        assert run is None or run.is_valid(person.run)


def test_engine_addresses_are_kept_privately_for_the_other_processes(tmp_path):
    plans.keep_engines(tmp_path, OWN)
    assert plans.load_or_make(tmp_path, Ports()).engines == OWN
    assert (tmp_path / "engines.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "[]", json.dumps({"surprise": 1})])
def test_damaged_engine_addresses_are_forgotten(tmp_path, text):
    (tmp_path / "engines.json").write_text(text)
    assert plans.read_engines(tmp_path) == Engines()
