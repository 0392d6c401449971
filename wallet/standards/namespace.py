"""The one namespace of the suite's own URNs.  Spec: wallet contract, head."""

NS = "urn:andamio:"
CONSENT_TYPE = NS + "consent"
LEGAL_ACCESS_TYPE = NS + "legal-access"
