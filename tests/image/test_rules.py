"""Alerts and objectives, tried by Prometheus's own tool: each fires on what it is for, and is quiet on an ordinary day."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.services import SERVICES

pytestmark = [pytest.mark.image]
ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/install/files/watch/rules.yml"
REQUESTS = 'andamio_request_seconds_count{service="pay",status="%s"}'
RAN = 'andamio_jobs_total{service="pay",name="witness_logs",outcome="ran"}'
EVENTS = 'andamio_events_total{action="%s"}'
FASTER = 'andamio_request_seconds_bucket{service="pay",le="%s"}'

# Alert: (series and their values a minute, minute at which it must fire, labels beside its own).
FIRING: dict[str, tuple[dict[str, str], int]] = {
    "ServiceDown": ({'up{job="andamio",component="pay"}': "0x10"}, 4),
    "ErrorBudgetBurning": ({REQUESTS % "200": "0+90x90", REQUESTS % "500": "0+10x90"}, 80),
    "SlowAnswers": ({FASTER % "1": "0+10x40", FASTER % "2.5": "0+100x40", FASTER % "+Inf": "0+100x40"}, 35),
    "JobsWait": ({'andamio_outbox_oldest_seconds{service="pay"}': "400x20"}, 10),
    "NoJobRuns": ({'andamio_outbox_due{service="pay"}': "5x40", RAN: "70x40"}, 20),
    "JobsDead": ({'andamio_outbox_dead{service="pay"}': "1x20"}, 10),
    "PeriodicJobBehind": ({'andamio_periodic_ended_seconds{service="pay",name="forget_payers"}': "180000x30"}, 20),
    "AuditLogBehind": ({'andamio_audit_oldest_seconds{service="pay"}': "400x20"}, 10),
    "AuditLogNotWhole": ({'andamio_audit_faults{service="pay"}': "0x10 1x2 0x50"}, 60),
    "SignInsFail": ({EVENTS % "identity:login:failed": "0+600x60", EVENTS % "identity:login:succeeded": "0+30x60"}, 40),
    "MessagesFail": ({EVENTS % "notify:notification:failed": "0+1x90", EVENTS % "notify:notification:delivered": "0+2x90"}, 60),
    "CapturesFail": ({EVENTS % "pay:payment:capture-failed": "0x10 1x50"}, 30),
}
COMPONENTS = [f"{service}{role}" for service in SERVICES for role in ("", "-worker", "-relay")]
THERE = {f'up{{job="{"background" if "-" in name else "andamio"}",component="{name}"}}': "1x120" for name in COMPONENTS}
OF_ONE = {"SignInsFail": "identity", "MessagesFail": "notify"}
ORDINARY: dict[str, str] = {
    **THERE,
    REQUESTS % "200": "0+1000x120",
    REQUESTS % "500": "0x120",
    FASTER % "0.1": "0+990x120",
    FASTER % "1": "0+1000x120",
    FASTER % "+Inf": "0+1000x120",
    'andamio_outbox_oldest_seconds{service="pay"}': "1x120",
    'andamio_outbox_dead{service="pay"}': "0x120",
    'andamio_periodic_ended_seconds{service="pay",name="forget_payers"}': "0+60x120",
    'andamio_audit_oldest_seconds{service="pay"}': "1x120",
    'andamio_outbox_due{service="pay"}': "3x120",
    RAN: "0+60x120",
    'andamio_audit_faults{service="pay"}': "0x120",
    EVENTS % "identity:login:failed": "0+5x120",
    EVENTS % "identity:login:succeeded": "0+100x120",
    EVENTS % "notify:notification:failed": "0+2x120",
    EVENTS % "notify:notification:delivered": "0+98x120",
    EVENTS % "pay:payment:capture-failed": "0x120",
}


def run(folder: Path, test: dict[str, Any]) -> "subprocess.CompletedProcess[str]":
    """Let promtool try one case."""
    case = folder / "case.yml"
    case.write_text(
        json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [{"interval": "1m", **test}]})
    )  # JSON is YAML
    return subprocess.run(["promtool", "test", "rules", str(case)], capture_output=True, text=True, check=False, timeout=60)


def series(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"series": name, "values": text} for name, text in values.items()]


@pytest.mark.parametrize("where", ["install/files", "kubernetes"])
def test_prometheus_takes_what_is_written_for_it(where: str, tmp_path: Path) -> None:
    """But for the discovery of pods, which Debian's Prometheus is built without."""
    shutil.copy(RULES, tmp_path)
    written = yaml.safe_load((ROOT / "deploy" / where / "watch" / "prometheus.yml").read_text())
    for scrape in written["scrape_configs"]:
        scrape.pop("kubernetes_sd_configs", None)
    (tmp_path / "prometheus.yml").write_text(json.dumps(written))
    command = ["promtool", "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", FIRING)
def test_each_alert_fires_on_what_it_is_for(alert: str, tmp_path: Path) -> None:
    values, minute = FIRING[alert]
    done = run(
        tmp_path, {"input_series": series(values), "alert_rule_test": [{"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []}]}
    )
    told = done.stdout + done.stderr
    assert done.returncode == 1, f"{alert} did not fire"
    assert f'alertname="{alert}"' in told
    assert f'service="{OF_ONE.get(alert, "pay")}"' in told  # by which it is told together, or kept quiet (alertmanager.yml)


@pytest.mark.parametrize("component", COMPONENTS)
def test_one_that_is_gone_is_told_though_nobody_can_ask_it(component: str, tmp_path: Path) -> None:
    """A container that has ended has no address any more."""
    others = {name: values for name, values in THERE.items() if f'component="{component}"' not in name}
    labels = {"severity": "page", "component": component, "service": component.partition("-")[0]}
    told = [{"exp_labels": labels, "exp_annotations": {"summary": f"{component} does not answer"}}]
    done = run(
        tmp_path,
        {"input_series": series(others), "alert_rule_test": [{"eval_time": "5m", "alertname": "ServiceDown", "exp_alerts": told}]},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_was_asked_before_all_was_stopped_and_started_is_not_told(tmp_path: Path) -> None:
    """The process has another address now, and Prometheus, stopped itself, never noted that nobody asks at the old one."""
    values = {**THERE, 'up{job="andamio",component="pay",instance="172.30.7.132:8080"}': "1 0 _x12"}
    quiet = [{"eval_time": f"{minute}m", "alertname": "ServiceDown", "exp_alerts": []} for minute in (3, 4, 5)]
    done = run(tmp_path, {"input_series": series(values), "alert_rule_test": quiet})
    assert done.returncode == 0, done.stdout + done.stderr


def test_sign_ins_that_all_fail_are_told_though_none_has_succeeded_yet(tmp_path: Path) -> None:
    """A pepper is lost and everything is started again: nobody ever counts a success."""
    values = {EVENTS % "identity:login:failed": "0+600x60"}
    asked = [{"eval_time": "40m", "alertname": "SignInsFail", "exp_alerts": []}]
    done = run(tmp_path, {"input_series": series(values), "alert_rule_test": asked})
    assert 'alertname="SignInsFail"' in done.stdout + done.stderr


def test_a_few_wrong_addresses_on_a_quiet_night_are_not_told(tmp_path: Path) -> None:
    values = {EVENTS % "notify:notification:failed": "0x10 1x5 2x5 3x60", EVENTS % "notify:notification:delivered": "0x10 2x70"}
    quiet = [{"eval_time": f"{minute}m", "alertname": "MessagesFail", "exp_alerts": []} for minute in (20, 30, 40, 50)]
    done = run(tmp_path, {"input_series": series(values), "alert_rule_test": quiet})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", FIRING)
def test_none_fires_on_an_ordinary_day(alert: str, tmp_path: Path) -> None:
    quiet = [{"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []} for minute in (30, 60, 110)]
    done = run(tmp_path, {"input_series": series(ORDINARY), "alert_rule_test": quiet})
    assert done.returncode == 0, done.stdout + done.stderr
