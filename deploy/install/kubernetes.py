"""Kubernetes manifests as code: the four services are alike, so one description makes all four.

`make docs` writes deploy/kubernetes/base/SERVICE.yaml; overlays are Kustomize (docs/operations/kubernetes.md).
"""

from collections.abc import Mapping
from typing import Any

import yaml

from deploy.install.folder import CONTAINER_USER, SECRETS_IN_CONTAINER
from deploy.services import SERVICES, THREADS

Manifest = dict[str, Any]  # what YAML can hold
NAMESPACE = "andamio"
HTTP, METRICS = 8080, 9100
READY_FILE = "/tmp/ready"  # noqa: S108 - the one folder that the container may write to
ROLES: Mapping[str, tuple[str, str, str]] = {
    "web": ("250m", "256Mi", "512Mi"),
    "worker": ("250m", "192Mi", "512Mi"),
    "relay": ("50m", "160Mi", "384Mi"),
}
"""CPU and memory asked for, and memory at the most, by role."""


ENGINES = (5432, 6432, 6379, 26379, 5671, 5672)
"""PostgreSQL and a pooler before it, Valkey and Sentinels, RabbitMQ with TLS and without."""
CLAMD = (3310,)
"""What looks into files of strangers."""
_WORLD: Manifest = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}


def manifests(service: str) -> str:
    """Return all manifests of one service as YAML."""
    made = [
        _migration(service),
        *(_deployment(service, role) for role in ROLES),
        _service(service),
        _budget(service),
        _scaler(
            service, "web", {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 65}}}
        ),
        _scaler(service, "worker", _queue_depth(service)),
        *_network(service),
    ]
    head = "# Made by `make docs` from deploy/install/kubernetes.py. Do not edit.\n"
    return head + yaml.safe_dump_all(made, sort_keys=False, allow_unicode=True)


def _labels(service: str, role: str) -> dict[str, str]:
    return {"app.kubernetes.io/part-of": NAMESPACE, "app.kubernetes.io/name": service, "app.kubernetes.io/component": role}


def _meta(service: str, role: str) -> dict[str, Any]:
    return {"name": f"{service}-{role}", "labels": _labels(service, role)}


def _pod(service: str, role: str, container: Manifest, *, secret: str, **more: Any) -> Manifest:  # what a pod's specification takes
    hardened = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    base = {
        "name": role,
        "image": "andamio",
        "envFrom": [{"configMapRef": {"name": f"{service}-settings"}}],
        "securityContext": hardened,
        "volumeMounts": [
            {"name": "secrets", "mountPath": SECRETS_IN_CONTAINER, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a folder of the container's own
        ],
    }
    specification = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": CONTAINER_USER,
            "runAsGroup": CONTAINER_USER,
            "fsGroup": CONTAINER_USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{**base, **container}],
        "volumes": [
            {"name": "secrets", "secret": {"secretName": secret, "defaultMode": 0o440}},
            {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        ],
        **more,
    }
    return {"metadata": {"labels": _labels(service, role)}, "spec": specification}


def _migration(service: str) -> Manifest:
    """A job that has the owner's address and nothing else; the pods of a new release wait for nothing: old and new live with both forms."""
    container: Manifest = {
        "args": ["migrate", service],
        "envFrom": [],
        "env": [{"name": f"{service.upper()}_DATABASE_URL_FILE", "value": f"{SECRETS_IN_CONTAINER}/database_url"}],
        "resources": {"requests": {"cpu": "100m", "memory": "160Mi"}, "limits": {"memory": "384Mi"}},
    }
    pod = _pod(service, "migrate", container, secret=f"{service}-migrate-secrets", restartPolicy="Never")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _meta(service, "migrate"),
        "spec": {"backoffLimit": 6, "ttlSecondsAfterFinished": 600, "template": pod},
    }


def _deployment(service: str, role: str) -> Manifest:
    cpu, memory, memory_max = ROLES[role]
    container = {
        **(_web(service) if role == "web" else _background(service, role)),
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory_max}},
    }
    labels = _labels(service, role)
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
    pod = _pod(service, role, container, secret=f"{service}-secrets", terminationGracePeriodSeconds=40, topologySpreadConstraints=[spread])
    pod["metadata"]["annotations"] = {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(HTTP if role == "web" else METRICS),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(service, role),
        "spec": {
            # More relays do no harm: each passes over what another has in hand.  How many webs and workers there are the scaler says
            # alone: a number here would take it back each time that something is applied.
            **({"replicas": 2} if role == "relay" else {}),
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": pod,
        },
    }


def _web(service: str) -> Manifest:
    return {
        "args": ["serve", service, "--host", "0.0.0.0", "--port", str(HTTP), "--workers", "1", "--threads", str(THREADS[service])],  # noqa: S104 - inside the pod
        "ports": [{"name": "http", "containerPort": HTTP}],
        "startupProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 2, "failureThreshold": 30},
        # Patient: a web whose threads all wait for somebody slow answers late, and to kill it would help nobody.
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": "http"},
            "periodSeconds": 20,
            "timeoutSeconds": 15,
            "failureThreshold": 6,
        },
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5, "timeoutSeconds": 3},
        # Long enough for the balancer to have heard that this pod takes no more.
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
    }


def _background(service: str, role: str) -> Manifest:
    return {
        "args": [role, service, "--ready-file", READY_FILE, "--metrics-host", "0.0.0.0", "--metrics-port", str(METRICS)],  # noqa: S104 - inside the pod
        "ports": [{"name": "metrics", "containerPort": METRICS}],
        "startupProbe": {"exec": {"command": ["test", "-e", READY_FILE]}, "periodSeconds": 2, "failureThreshold": 60},
        "livenessProbe": {"tcpSocket": {"port": "metrics"}, "periodSeconds": 15, "failureThreshold": 4},
    }


def _service(service: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": service, "labels": _labels(service, "web")},
        "spec": {"selector": _labels(service, "web"), "ports": [{"name": "http", "port": HTTP, "targetPort": "http"}]},
    }


def _budget(service: str) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _meta(service, "web"),
        "spec": {"minAvailable": 1, "selector": {"matchLabels": _labels(service, "web")}},
    }


def _queue_depth(service: str) -> Manifest:
    """Jobs that wait for a worker, as the web pods expose them, through a Prometheus adapter (deploy/kubernetes/watch/adapter.yml)."""
    metric = {"name": "andamio_outbox_due", "selector": {"matchLabels": {"service": service}}}
    return {"type": "External", "external": {"metric": metric, "target": {"type": "AverageValue", "averageValue": "500"}}}


def _scaler(service: str, role: str, metric: Manifest) -> Manifest:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _meta(service, role),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{service}-{role}"},
            "minReplicas": 2,
            "maxReplicas": 20,
            "metrics": [metric],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        },
    }


def _network(service: str) -> list[Manifest]:
    """Who may talk to whom.  In: the edge to the webs, the watch to the metrics.  Out: every pod to engines, names and the time; webs and
    workers also to the collector, to the edge and to the world; relay and migration, which call nobody, no further.

    The services meet only over their public addresses, so none of them is allowed to another's pods.
    """
    inner = [
        {"to": [_namespace("engines")], "ports": _tcp(*ENGINES, *(CLAMD if service in ("notify", "pay") else ()))},
        {"ports": [{"protocol": "UDP", "port": 53}, *_tcp(53)]},
        {"to": [_WORLD], "ports": [{"protocol": "UDP", "port": 123}]},
    ]
    outer = [
        {"to": [_namespace("watch")], "ports": _tcp(4318)},
        # An address of the edge's balancer leads to its pods, which not every network counts to the world.
        {"to": [_namespace("edge"), {"podSelector": {"matchLabels": _labels("edge", "edge")}}], "ports": _tcp(443)},
        {"to": [_WORLD], "ports": _tcp(*_ports_outside(service))},
    ]
    watched = {"from": [_namespace("watch")], "ports": _tcp(HTTP, METRICS)}
    served = {"from": [_namespace("edge")], "ports": _tcp(HTTP)}
    return [
        _policy(service, service, ("web", "worker"), [served, watched], [*inner, *outer]),
        _policy(service, f"{service}-inner", ("relay", "migrate"), [watched], inner),
    ]


def _policy(service: str, name: str, roles: tuple[str, ...], ingress: list[Manifest], egress: list[Manifest]) -> Manifest:
    mine = {"app.kubernetes.io/part-of": NAMESPACE, "app.kubernetes.io/name": service}
    of_roles = {"key": "app.kubernetes.io/component", "operator": "In", "values": list(roles)}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "labels": mine},
        "spec": {
            "podSelector": {"matchLabels": mine, "matchExpressions": [of_roles]},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
    }


def _namespace(role: str) -> Manifest:
    return {"namespaceSelector": {"matchLabels": {"andamio/role": role}}}


def _tcp(*ports: int) -> list[Manifest]:
    return [{"protocol": "TCP", "port": port} for port in ports]


def _ports_outside(service: str) -> tuple[int, ...]:
    return (443, 25, 465, 587, 22, 2775, 3550) if service == "notify" else (443,)


PAGES = {f"deploy/kubernetes/base/{service}.yaml": service for service in SERVICES}
