"""The discovery document says what is served, and nothing else."""

import pytest
from joserfc.jwk import KeySet

from identity.models.client import POLICIES
from identity.operations.tokens import GRANT_TYPES
from identity.standards import discovery, jose
from tests.factories.identity import ISSUER, House

BOTH = ("/openid/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/openid")


@pytest.mark.rule("identity", "DI-1", "DI-2", "DI-3", "DI-4", "DI-5", "DI-6", "DI-7", "DI-8", "DI-11")
def test_both_forms_are_the_same_document(house: House) -> None:
    answers = [house.client().get(path) for path in BOTH]
    assert answers[0].json == answers[1].json
    document = answers[0].json
    assert document["issuer"] == ISSUER
    assert answers[0].headers["Cache-Control"] == "public, max-age=3600"
    assert answers[0].headers["Access-Control-Allow-Origin"] == "*"
    assert all(value.startswith(ISSUER + "/") for name, value in document.items() if name.endswith("_endpoint") or name == "jwks_uri")
    assert {"RS256", "ES256"} <= set(document["id_token_signing_alg_values_supported"])
    assert document["request_uri_parameter_supported"] is False
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["subject_types_supported"] == ["pairwise"]
    assert not any(alg == "none" or alg.startswith("HS") for alg in document["token_endpoint_auth_signing_alg_values_supported"])


@pytest.mark.rule("identity", "DI-9", "DI-10", "CU-30")
def test_the_document_the_router_and_the_policies_agree(house: House) -> None:
    document = house.client().get(BOTH[0]).json
    served = {rule.rule: rule.methods - {"HEAD", "OPTIONS"} for rule in house.app.url_map.iter_rules() if rule.methods}
    for endpoint in discovery.ENDPOINTS:
        assert document[endpoint.member] == ISSUER + endpoint.path
        for path in ("/openid" + endpoint.path, "/openid" + endpoint.path + "/"):
            assert served.pop(path) == set(endpoint.methods)
    served.pop("/openid/register/<client_id>")  # a registration's own address stands in the registration (RG-2)
    for path in BOTH:
        served.pop(path)
    assert not [path for path in served if path.startswith("/openid")], "served under the issuer and not in the document"
    advertised = {value for name, value in document.items() if name.endswith(("_endpoint", "_uri")) and isinstance(value, str)}
    assert advertised == {ISSUER + endpoint.path for endpoint in discovery.ENDPOINTS}
    methods = {method for policy in POLICIES.values() for method in policy.auth_methods}
    assert set(document["token_endpoint_auth_methods_supported"]) == methods - set(discovery.MTLS_METHODS), (
        "no edge that asks for certificates"
    )
    assert (
        set(document["grant_types_supported"])
        == set(GRANT_TYPES)
        == {grant for policy in POLICIES.values() for grant in policy.grant_types}
    )
    algorithms = {alg for policy in POLICIES.values() for alg in policy.algorithms}
    assert set(document["token_endpoint_auth_signing_alg_values_supported"]) == algorithms
    assert set(document["id_token_signing_alg_values_supported"]) == set(jose.SIGNING_ALGORITHMS)


@pytest.mark.rule("identity", "KY-2", "KY-3", "DI-11")
def test_published_keys_are_public_and_named_by_their_thumbprint(house: House) -> None:
    answer = house.client().get("/openid/jwks")
    for jwk in answer.json["keys"]:
        assert not jose.PRIVATE_MEMBERS & jwk.keys()
        assert jwk["use"] == "sig"
    for key in KeySet.import_key_set(answer.json).keys:
        assert key.kid == key.thumbprint()
    assert sorted(jwk["alg"] for jwk in answer.json["keys"]) == ["ES256", "RS256"]


def test_endpoints_without_cookies_answer_other_origins(house: House) -> None:
    for endpoint in discovery.ENDPOINTS:
        answer = house.client().options("/openid" + endpoint.path)
        assert ("Access-Control-Allow-Origin" in answer.headers) is endpoint.cors, endpoint.path
