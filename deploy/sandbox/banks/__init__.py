"""The payment providers of the sandbox: small servers that behave as the real ones are documented to."""
