from tests.sandboxes import sandbox

__all__ = ["sandbox"]
