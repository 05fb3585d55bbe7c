"""The sandbox as an ASGI application under a server of somebody else's."""

from pathlib import Path

import uvicorn

from tabletap.sandbox import create_app
from tests.sandbox.conftest import QUICK, merchant_of
from tests.sandbox.merchant import ACCOUNT
from tests.support.services import free_port


async def test_any_server_can_run_it_and_a_lost_answer_is_an_error_there(tmp_path: Path) -> None:
    # given
    port = free_port()
    app = create_app(tmp_path / "state.db", [ACCOUNT], "https://pay.example/", timing=QUICK)
    config = uvicorn.Config(app, port=port, lifespan="on", log_config=None, ws="none")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()

    # when
    async with merchant_of(f"http://127.0.0.1:{port}") as merchant:
        payment = await merchant.paid()
        await merchant.callbacks(1)
        await merchant.fault("timeout_after")
        lost = await merchant.call("POST", "/payments", merchant.order(reference="payment-2"))
        charges = await merchant.charges()
    await server.shutdown()

    # then
    assert payment["redirectUrl"] == f"https://pay.example/pay/{payment['id']}"
    assert lost.status == 500
    assert [charge["reference"] for charge in charges] == ["payment-1", "payment-2"]
