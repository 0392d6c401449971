"""The sandbox inbox: the outside world that mail, texts, letters and webhooks arrive in, with a page and an interface to read them."""
