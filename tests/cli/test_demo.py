"""`tabletap demo`: opened, found again, and refused where it cannot be."""

import asyncio
import signal
from pathlib import Path

from tabletap.kernel.ids import is_id, new_id
from tests.cli.commands import begin, demo, end_of, line_of, tabletap

OWN_MENU = "name,price,category,modifiers\nLemonade,4.50,Cold,Size: large +1.00\nScone,5.00,Bakery,\n"


async def test_a_demo_says_all_that_somebody_needs_and_shares_neither_folder_nor_port(tmp_path: Path) -> None:
    # given
    (tmp_path / "menu.csv").write_text(OWN_MENU)

    # when
    async with demo(tmp_path, "--menu", "menu.csv") as running:
        ready = running.ready

        # then
        assert set(ready) >= {"url", "cafeId", "currency", "tables", "menu", "users", "otherCafe", "payconic"}
        assert ready["currency"] == "AUD"
        assert [(item["name"], item["price"]) for item in ready["menu"]] == [("Lemonade", 450), ("Scone", 500)]
        assert len(ready["tables"]) == 6
        assert all(set(seat) == {"id", "number", "code"} for seat in ready["tables"])
        assert set(ready["users"]) == {"manager", "counter", "kitchen", "staff", "admin", "customer"}
        assert set(ready["otherCafe"]["users"]) >= {"manager", "kitchen", "customer"}
        assert set(ready["payconic"]) == {"url", "controlUrl", "webhookUrl", "webhookSecret"}
        assert is_id(ready["users"]["customer"]["customerId"])
        assert (tmp_path / "ready.json").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "data" / "demo.json").stat().st_mode & 0o777 == 0o600
        manager = ready["users"]["manager"]
        signed_in = await running.call(
            "POST", "/auth/login", body={"email": manager["email"], "password": manager["password"]}
        )
        assert (signed_in[0], signed_in[1]["cafeId"]) == (200, ready["cafeId"])
        status, credit = await running.call("GET", "/credits/balance", "customer")
        assert (status, credit["balance"]) == (200, 100_000)
        async with running.session.get(f"{ready['url']}/t/{ready['tables'][0]['code']}") as page:
            assert "Lemonade" in await page.text()

        # and a second demo is refused where the first is
        port = ready["url"].rsplit(":", 1)[1]
        same_folder, same_port = await asyncio.gather(
            tabletap(tmp_path, "demo", "--port", "0", "--data", "data", "--ready-file", "second.json"),
            tabletap(tmp_path, "demo", "--port", port, "--data", "elsewhere", "--ready-file", "second.json"),
        )

        assert (same_folder.code, same_port.code) == (1, 1)
        assert same_folder.sentence == "Another demo is using the data folder data; choose one with --data."
        assert same_port.sentence == (
            f"Cannot listen on 127.0.0.1:{port}: Address already in use. Choose another with --port."
        )
        assert not (tmp_path / "second.json").exists()
        assert not (tmp_path / "elsewhere" / "tabletap.db").exists()
        assert (await running.call("GET", f"/cafes/{running.ready['cafeId']}", "manager"))[0] == 200

        # when
        done = await running.stop()

    # then
    assert (done.code, done.err) == (0, "")
    assert not (tmp_path / "ready.json").exists()


async def test_a_killed_demo_is_found_again_with_everything_in_it(tmp_path: Path) -> None:
    # given a charge on the books, and a guest who has not paid yet when the machine dies
    async with demo(tmp_path) as before:
        paid = await before.pay_by_card(new_id())
        await before.control("POST", f"/payments/{paid['paymentId']}/approve")
        await before.until_completed(paid["paymentId"])
        open_payment = await before.pay_by_card(new_id())
        before.process.kill()
        await before.process.wait()

    # when
    async with demo(tmp_path) as after:
        # then
        for name in ("url", "cafeId", "tables", "menu"):
            assert after.ready[name] == before.ready[name], name
        for name in ("webhookUrl", "webhookSecret", "url"):
            assert after.ready["payconic"][name] == before.ready["payconic"][name], name
        for role, user in before.ready["users"].items():
            for name in ("personId", "email", "password"):
                assert after.ready["users"][role][name] == user[name], role
        status, _ = await after.call("GET", f"/cafes/{after.ready['cafeId']}/tables", "manager")
        assert status == 200

        # and the guest approves what was left open
        await after.control("POST", f"/payments/{open_payment['paymentId']}/approve")
        await after.until_completed(open_payment["paymentId"])
        charges = await after.control("GET", "/charges")
        assert sorted(charge["reference"] for charge in charges) == sorted(
            (paid["paymentId"], open_payment["paymentId"])
        )
        assert (await after.stop(signal.SIGINT)).code == 0


async def test_the_sandbox_may_run_elsewhere(tmp_path: Path) -> None:
    # given
    sandbox = await begin(tmp_path, "payconic-sandbox", "--port", "0", "--state", "state.db")
    address = (await line_of(sandbox)).rsplit(" ", 1)[1]

    # when
    async with demo(tmp_path, TABLETAP_PAYCONIC_API_URL=address) as running:
        payment = await running.pay_by_card(new_id())
        await running.control("POST", f"/payments/{payment['paymentId']}/approve")

        # then
        assert running.ready["payconic"]["url"] == address
        assert (await running.until_completed(payment["paymentId"]))["status"] == "completed"
        assert (await running.stop()).code == 0
    sandbox.send_signal(signal.SIGTERM)
    assert (await end_of(sandbox)).code == 0
