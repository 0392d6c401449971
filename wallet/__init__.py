"""wallet: who may see which of a person's data, why, and who did.

Nouns: organisation, client, dataset, purpose, procedure, notice, agreement (the registry); consent request, consent (what a person
decided);
exchange (one release of data through the gate); access log (what a person reads afterwards).

Invariants
- Nothing leaves the gate before its attempt row is in the log, and nothing is kept of what left.
- Every access is in the log, on the consent road and on the law road, granted or refused; the log says which fields, never their values.
- A consent is judged against the clock at each use; a withdrawal stands from the moment its answer is given.
- What a person saw and decided does not change under her: declarations and consents are append-only.
Spec: docs/wallet/README.md.
"""
