"""The OpenID Connect provider, the citizen's login, and the register of services.

Nouns: person (with password, TOTP authenticator and known devices), sign-on session, login interaction, grant
(with authorization code and access tokens), signing key, and the service register: organisation, service, client, member.

Invariants:
- Opaque secrets (codes, tokens, session and interaction ids, client secrets) are stored as SHA-256 only.
- A code is redeemed once; a second try revokes what the first one gave.
- `sub` is pairwise: the table of subjects is the truth, the key only makes new ones.
- Nothing is shown, granted or confirmed to exist from a RUN alone: unknown, locked and wrong answer alike.
- Every act leaves an audit row in the transaction that did it.
"""
