"""The Payconic sandbox: a small server that behaves like the payment provider Payconic. Its money is never real."""

from tabletap.sandbox.model import SandboxAccount, Timing
from tabletap.sandbox.server import RunningSandbox, create_app, serve, start_sandbox

__all__ = ["RunningSandbox", "SandboxAccount", "Timing", "create_app", "serve", "start_sandbox"]
