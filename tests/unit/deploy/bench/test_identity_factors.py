from deploy.bench.identity_factors import Holder, cose
from identity.standards.webauthn_ceremonies import challenge_of, verify_used

CHALLENGE, ORIGIN = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "http://localhost:1"


def test_the_software_passkey_is_one_that_we_accept_and_counts() -> None:
    holder = Holder("11111111-1", "+56911111111", "", [])
    for count in (1, 2):
        credential = holder.assertion({"challenge": CHALLENGE, "rpId": "localhost"}, ORIGIN)
        challenge = challenge_of(credential)
        used = verify_used(credential, challenge=challenge, rp_id="localhost", origins=[ORIGIN], public_key=cose(holder.key))
        assert used.sign_count == count
