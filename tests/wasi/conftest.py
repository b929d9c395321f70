from wasi_harness import new_session, runtime, session, timer

__all__ = ["new_session", "runtime", "session", "timer"]
