"""The form of a trunk: its limit, which only operators see, its countries, and how its callbacks are posted."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from agents.panel.pages import PAGES
from pipeline.countries import COUNTRIES
from pipeline.directory.callback_secrets import CallbackSecrets, secrets_of
from schemas.directory.callback_options import CallbackEvent, CallbackOptions
from schemas.directory.people import PanelRole
from schemas.directory.trunk import Trunk
from schemas.state.day_count import Closure, DayCount, DayLimit, DayUsed, Place
from tests.fakes.certificates import Authority
from tests.unit.agents.panel.office import OURS, Office
from tests.unit.agents.panel.site import logged_in, running

FIELD = 'name="segments_per_second"'


async def test_a_trunks_limit_is_for_operators(office: Office) -> None:
    """They set it; whoever else saves the trunk leaves it as it is, and cannot send it along."""
    edit = f"/sms/trunks/{office.trunk.id}/edit"

    def trunk() -> Trunk:
        return office.stored(office.trunk.id)

    def fields(token: str) -> dict[str, str]:
        version = str(office.store.directory.version_of(Trunk, office.trunk.id))
        return {"csrf_token": token, "version": version, "name": "Ours", "allow_any_did": "on"}

    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        assert FIELD in await (await site.client.get(edit)).text()
        assert (await site.post(edit, **fields(token), segments_per_second="x")).status == 422
        assert (await site.post(edit, **fields(token), segments_per_second="0")).status == 422
        assert (await site.post(edit, **fields(token), segments_per_second="25")).status == 303
        assert trunk().segments_per_second == 25
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        assert FIELD not in await (await site.client.get(edit)).text()
        assert (await site.post(edit, **fields(token))).status == 303
        assert trunk().segments_per_second == 25
        assert (await site.post(edit, **fields(token), segments_per_second="99")).status == 403
        assert trunk().segments_per_second == 25
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        assert (await site.post(edit, **fields(token), segments_per_second="")).status == 303
        assert trunk().segments_per_second is None


async def test_countries_are_ticked(office: Office) -> None:
    """A new trunk's form leaves the expensive ones out; a form without the list leaves it as it is."""
    edit = f"/sms/trunks/{office.trunk.id}/edit"

    async def save(**ticked: str | list[str]) -> tuple[str, ...] | None:
        version = str(office.store.directory.version_of(Trunk, office.trunk.id))
        saved = await site.post(
            edit, None, csrf_token=token, version=version, name="Ours", allow_any_did="on", **ticked
        )
        assert saved.status == 303
        return office.stored(office.trunk.id).refused_countries

    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        new = await (await site.client.get("/sms/trunks/new")).text()
        assert "All countries but satellites and international networks" in new
        assert 'value="001">' in new
        assert 'value="JM" checked>' in new
        assert "All countries<" in await (await site.client.get(edit)).text()
        assert await save(countries="on", country=sorted(COUNTRIES - {"JM", "KZ"})) == ("JM", "KZ")
        assert "All countries but Jamaica, Kazakhstan" in await (await site.client.get(edit)).text()
        assert await save() == ("JM", "KZ")
        assert await save(countries="on") == tuple(sorted(COUNTRIES))
        assert f"0 of {len(COUNTRIES)} countries" in await (await site.client.get(edit)).text()
        assert await save(countries="on", country=sorted(COUNTRIES)) is None


async def test_callbacks_of_a_trunk_are_set_in_its_form(office: Office) -> None:
    """What is wrong stands at its field; a form without the section leaves all of it as it is."""
    edit = f"/sms/trunks/{office.trunk.id}/edit"
    everything = ("sent", "not_sent", "delivered", "not_delivered")

    def fields(token: str, **more: Any) -> dict[str, Any]:
        version = str(office.store.directory.version_of(Trunk, office.trunk.id))
        return {"csrf_token": token, "version": version, "name": "Ours", "allow_any_did": "on", **more}

    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)

        async def saved(**more: Any) -> int:
            named = {name.replace("__", "/"): value for name, value in more.items()}
            return (await site.post(edit, **fields(token, callbacks="on", **named))).status

        assert await saved(callbacks__events=["sent"], callbacks__headers=" X-A: 1 \r\n\r\nX-B:2:3\r\n") == 303
        kept = CallbackOptions(events=(CallbackEvent.SENT,), headers={"X-A": "1", "X-B": "2:3"})
        assert office.stored(office.trunk.id).callbacks == kept
        page = await (await site.client.get(edit)).text()
        assert "X-A: 1\nX-B: 2:3" in page
        assert page.count('name="callbacks/events"') == 4
        assert page.count('value="sent" checked') == page.count('callbacks/events" value') - 3 == 1
        for bad in ("no colon", "X-A: 1\nX-A: 2", "Host: x", "X: \u00fc"):
            assert await saved(callbacks__events=everything, callbacks__headers=bad) == 422
        assert await saved(callbacks__headers="") == 422
        assert office.stored(office.trunk.id).callbacks == kept
        assert (await site.post(edit, **fields(token))).status == 303
        assert office.stored(office.trunk.id).callbacks == kept
        assert await saved(callbacks__events=everything) == 303
        assert office.stored(office.trunk.id).callbacks is None


async def test_credentials_of_callbacks_are_typed_and_never_shown(office: Office) -> None:
    """They stay until others are typed, or another way of authorizing is chosen; a certificate's key goes with it."""
    edit = f"/sms/trunks/{office.trunk.id}/edit"
    ours = Authority().issue("us")

    def opened() -> CallbackSecrets:
        return secrets_of(office.stored(office.trunk.id), office.callback_sealer)

    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.MEMBER)

        async def saved(**more: Any) -> tuple[int, str]:
            version = str(office.store.directory.version_of(Trunk, office.trunk.id))
            named = {f"callbacks/{name}": value for name, value in more.items()}
            answer = await site.post(edit, **{
                "csrf_token": token, "version": version, "name": "Ours", "allow_any_did": "on", "callbacks": "on",
                "callback_url": "https://example.com/x",
                "callbacks/events": ["sent", "not_sent", "delivered", "not_delivered"], **named,
            })  # fmt: skip
            return answer.status, await answer.text()

        assert (await saved(authorization="basic", username="", password="p"))[0] == 422
        assert (await saved(authorization="basic", username="us"))[0] == 422
        assert (await saved(authorization="basic", username=" us ", password="geheim-1"))[0] == 303
        assert opened() == CallbackSecrets(password="geheim-1")
        page = await (await site.client.get(edit)).text()
        assert "geheim" not in page
        assert 'value="us"' in page
        assert "It is kept; type another one" in page
        assert (await saved(authorization="basic", username="we", kept="password"))[0] == 303
        assert opened() == CallbackSecrets(password="geheim-1")
        assert (await saved(authorization="bearer"))[0] == 422
        status, page = await saved(authorization="bearer", token="geheim-2", headers="Host: x")
        assert (status, "geheim" in page) == (422, False)
        assert (await saved(authorization="bearer", token="geheim-2"))[0] == 303
        assert opened() == CallbackSecrets(token="geheim-2")
        pair = {"client_certificate": ours.certificate.replace("\n", "\r\n"), "client_key": ours.key}
        assert (await saved(**pair))[0] == 303
        assert opened() == CallbackSecrets(client_key=ours.key)
        assert office.stored(office.trunk.id).callbacks is not None
        assert (await saved(client_certificate=ours.certificate, kept="client_key"))[0] == 303
        assert opened() == CallbackSecrets(client_key=ours.key)
        assert (await saved())[0] == 303
        assert office.stored(office.trunk.id).callbacks is None
        assert (await saved(client_key=ours.key))[0] == 422
        standby = {"failover_url": " https://backup.example/x ", "failover_after": "2"}
        assert (await saved(**{**standby, "failover_after": "many"}))[0] == 422
        assert (await saved(**{**standby, "failover_url": ""}))[0] == 422
        assert (await saved(**standby))[0] == 303
        kept = CallbackOptions(failover_url="https://backup.example/x", failover_after=2)
        assert office.stored(office.trunk.id).callbacks == kept
        assert 'value="https://backup.example/x"' in await (await site.client.get(edit)).text()
        assert (await saved(batch="on"))[0] == 303
        assert office.stored(office.trunk.id).callbacks == CallbackOptions(batch=True)
        assert 'name="callbacks/batch" value="on" checked' in await (await site.client.get(edit)).text()
        assert (await saved())[0] == 303
        assert office.stored(office.trunk.id).callbacks is None


async def test_the_limits_of_a_trunk_are_for_operators_too(office: Office) -> None:
    """In the same way; a wrong one is said beside its field."""
    edit = f"/sms/trunks/{office.trunk.id}/edit"

    def fields(token: str) -> dict[str, str]:
        version = str(office.store.directory.version_of(Trunk, office.trunk.id))
        return {"csrf_token": token, "version": version, "name": "Ours", "allow_any_did": "on"}

    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OPERATOR)
        wrong = await site.post(edit, **fields(token), requests_per_second="many")
        assert wrong.status == 422
        assert "must be a whole number" in await wrong.text()
        assert (await site.post(edit, **fields(token), requests_per_second="20")).status == 303
        assert office.stored(office.trunk.id).requests_per_second == 20
        assert 'name="requests_per_second" type="number" value="20"' in await (await site.client.get(edit)).text()
        spend = {"segments_per_day": "500", "spend_per_day": "1.50", "spend_currency": "usd"}
        assert (await site.post(edit, **fields(token), requests_per_second="20", **spend)).status == 303
        stored = office.stored(office.trunk.id)
        assert (stored.segments_per_day, stored.spend_per_day, stored.spend_currency) == (500, Decimal("1.50"), "USD")
        assert 'name="spend_per_day" type="text" value="1.50"' in await (await site.client.get(edit)).text()
        for half in ({**spend, "spend_per_day": "1,50"}, {**spend, "spend_currency": ""}):
            assert (await site.post(edit, **fields(token), requests_per_second="20", **half)).status == 422
        guards = {"messages_per_number": "5", "number_window_minutes": "10", "same_text_minutes": "1440"}
        assert (await site.post(edit, **fields(token), requests_per_second="20", **guards)).status == 303
        stored = office.stored(office.trunk.id)
        assert (stored.messages_per_number, stored.number_window_minutes, stored.same_text_minutes) == (5, 10, 1440)
        form = await (await site.client.get(edit)).text()
        assert 'name="same_text_minutes" type="number" value="1440"' in form
        assert "Against pumping" in form
        for name, odd in (("number_window_minutes", ""), ("messages_per_number", ""), ("same_text_minutes", "1441")):
            assert (
                await site.post(edit, **fields(token), requests_per_second="20", **guards | {name: odd})
            ).status == 422
    async with running(office, pages=PAGES) as site:
        token = await logged_in(site, PanelRole.OWNER)
        assert "requests_per_second" not in await (await site.client.get(edit)).text()
        assert (await site.post(edit, **fields(token), requests_per_second="99")).status == 403
        assert (await site.post(edit, **fields(token))).status == 303
        assert office.stored(office.trunk.id).requests_per_second == 20


async def test_a_day_that_is_nearly_used_up_is_said_where_the_trunk_is(office: Office) -> None:
    """From 80 % on, to whoever sees the trunk: in the list, on its page, and the account's above the list."""
    limited = office.trunk.model_copy(update={"segments_per_day": 100})
    owner = office.store.directory.account(OURS)
    assert owner is not None
    office.add(limited, owner.model_copy(update={"spend_per_day": Decimal(10), "spend_currency": "USD"}))
    edit = f"/sms/trunks/{limited.id}/edit"

    def use(segments: int, offset: int, closures: tuple[Closure, ...] | None = None) -> None:
        used = DayUsed(day=office.now.date(), segments=segments, spend={"USD": Decimal(segments) / 10})
        place = Place(offset=offset, message=0)
        count = DayCount(
            trunk_id=limited.id, account_id=OURS, counted_to=place, at_ms=1, used=(used,), closures=closures
        )
        office.counts.learn(3, count)

    async with running(office, pages=PAGES) as site:
        await logged_in(site, PanelRole.READ_ONLY)
        for segments, in_list, on_page in (
            (79, None, None),
            (80, "80 % of the day&#39;s segments", "80 of 100 segments today (UTC)"),
            (100, "Day&#39;s segments used up", "100 of 100 segments today (UTC)"),
        ):
            use(segments, segments)
            listed, shown = [await (await site.client.get(it)).text() for it in ("/sms/trunks", edit)]
            assert ("of the day&#39;s segments" in listed or "segments used up" in listed) is (in_list is not None)
            assert in_list is None or in_list in listed
            assert on_page is None or on_page in shown
        assert "Your account: Day&#39;s spend used up" in listed
        begin = Place(offset=98, message=1)
        use(98, 101, (Closure(begin=begin, limit=DayLimit.TRUNK_SEGMENTS, of=Decimal(100)),))
        assert "Day&#39;s segments used up" in await (await site.client.get("/sms/trunks")).text()
        office.now += timedelta(days=1)
        assert "used up" not in await (await site.client.get("/sms/trunks")).text()
    async with running(office, pages=PAGES) as site:
        office.now -= timedelta(days=1)
        await logged_in(site, PanelRole.OPERATOR)
        assert "98 % of the day&#39;s spend" in await (await site.client.get("/accounts")).text()
