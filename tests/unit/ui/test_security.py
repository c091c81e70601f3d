"""Who may ask, and what a browser may do with the answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from evonas.local.requests.pinned import PINNED_FILE
from evonas.ui.pages import NOT_BUILT, Pages
from evonas.ui.security import HEADERS, MAX_ORDER, Policy, is_known_host
from evonas.ui.viewers import Acting, Rights
from tests.unit.search.simulation import write_run
from tests.unit.ui.served import ADDRESS, API, ORDER, serving, serving_runs

TOKEN = "a-token-of-some-length"
ACTIONS = f"{API}/searches/run:one/actions"
PIN = {"action": "pin", "trial": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("guarded") / "runs", "one")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """A page as Vite builds it: one file with a hash, beside one that somebody must not get at."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "secret.txt").write_text("secret")
    static = folder / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>built</title>" + " " * 2000)
    (static / "assets" / "index-BkZ3xq1a.js").write_text("console.log(1)")
    return Pages(static)


@pytest.fixture(scope="module")
def client(folder: Path, built: Pages) -> Iterator[TestClient]:
    with serving_runs(folder.parent, ["one"], pages=built) as client:
        yield client


@pytest.fixture(scope="module")
def knowing(built: Pages) -> Iterator[TestClient]:
    with serving(policy=Policy(token=TOKEN), pages=built) as client:
        yield client


@pytest.fixture
def guarded(knowing: TestClient) -> TestClient:
    """The page for who knows a token; nobody has told it yet."""
    knowing.cookies.clear()
    return knowing


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),
        ("GET", "/searches/run:one/trials/3", {}),
        ("GET", "/assets/index-BkZ3xq1a.js", {}),
        ("GET", "/nothing", {}),
        ("GET", "/healthz", {}),
        ("GET", f"{API}/searches", {}),
        ("GET", f"{API}/searches/run:none", {}),
        ("GET", f"{API}/searches/run:one/trials/x", {}),
        ("GET", f"{API}/searches/run:one/report", {}),
        ("GET", f"{API}/openapi.json", {}),
        ("POST", ACTIONS, {}),
        ("DELETE", ACTIONS, ORDER),
        ("OPTIONS", ACTIONS, {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}),
        ("GET", "/", {"Host": "evil.example"}),
        ("GET", API, {"Sec-Fetch-Site": "cross-site"}),
    ],
)
def test_every_answer_has_all_headers(client: TestClient, method: str, path: str, headers: Mapping[str, str]) -> None:
    answer = client.request(method, path, headers=dict(headers))
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["cache-control"]
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_an_error_of_ours_has_all_headers_and_tells_no_more_than_its_kind(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("/a/path and a secret")

    monkeypatch.setattr("evonas.ui.routes.searches._source", breaks)
    answer = client.get(f"{API}/page")
    assert (answer.status_code, HEADERS.items() <= dict(answer.headers).items()) == (500, False)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.json()["message"].startswith("an error of evonas itself: RuntimeError;")


def test_nothing_of_the_api_is_stored(client: TestClient) -> None:
    for path in ("/searches", "/searches/run:one", "/searches/run:one/trials", "/openapi.json"):
        assert client.get(API + path).headers["cache-control"] == "no-store"


def test_files_with_hashes_are_kept_and_pages_are_asked_for_again(client: TestClient) -> None:
    kept = client.get("/assets/index-BkZ3xq1a.js")
    assert (kept.text, kept.headers["content-type"]) == ("console.log(1)", "text/javascript; charset=utf-8")
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    for path in ("/", "/searches/run:one", "/searches/run:one/trials/3", "/compare?id=run:one", "/index.html"):
        page = client.get(path)
        assert (page.status_code, page.text[:35]) == (200, "<!doctype html><title>built</title>")
        assert page.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "//secret.txt",
        "/static/../../secret.txt",
        "/assets/index-BkZ3xq1a.js%00.txt",
        "/etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_page(client: TestClient, path: str) -> None:
    # As it is: a client would tidy it up.
    request = client.build_request("GET", ADDRESS)
    request.url = request.url.copy_with(raw_path=path.encode())
    answer = client.send(request)
    assert answer.status_code == 404
    assert "secret" not in answer.json()["message"].replace(path, "").replace("secret.txt", "")


def test_a_checkout_without_the_page_says_what_to_do(tmp_path: Path) -> None:
    with serving(pages=Pages(tmp_path)) as client:
        answer = client.get("/")
        assert (answer.status_code, answer.text) == (503, f"{NOT_BUILT}\n")
        assert client.get(f"{API}/searches").status_code == 200


# Names.


@pytest.mark.parametrize("host", ["localhost", "localhost:8090", "127.0.0.1:1", "[::1]:8090", "[::1]", "LOCALHOST:80"])
def test_the_page_is_known_by_its_own_names(client: TestClient, host: str) -> None:
    assert client.get(f"{API}/searches", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8090",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "",
        ":8090",
        "localhost:8090:1",
        "user@localhost",
        "localhost:x",
        "[::1].evil",
    ],
)
def test_no_other_name_reads_or_orders_anything(client: TestClient, host: str) -> None:
    for path in ("/", f"{API}/searches"):
        assert client.get(path, headers={"Host": host}).status_code == 421
    assert client.post(ACTIONS, json=PIN, headers={**ORDER, "Host": host}).status_code == 421


def test_elsewhere_any_address_will_do_but_no_unknown_name() -> None:
    policy = Policy(hosts=frozenset({"nas.example"}), any_address=True)
    assert all(
        is_known_host(host, policy) for host in ("nas.example", "NAS.example:443", "10.1.2.3:80", "[fe80::1]:80")
    )
    assert not any(is_known_host(host, policy) for host in ("evil.example", "10.1.2.3.evil", "localhost", "[x]"))


@given(st.text(max_size=40))
def test_only_known_names_are_known(host: str) -> None:
    known = is_known_host(host, Policy())
    assert not known or host.lower().removeprefix("[").startswith(("localhost", "127.0.0.1", "::1"))


# Tokens.


def test_nobody_sees_anything_without_the_token(guarded: TestClient) -> None:
    for path in (
        "/",
        "/assets/index-BkZ3xq1a.js",
        f"{API}/searches",
        f"{API}/changes",
        f"{API}/openapi.json",
        "/nothing",
    ):
        answer = guarded.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert guarded.post(ACTIONS, json=PIN, headers=ORDER).status_code == 401
    assert guarded.get("/healthz").status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper(), "tökén"])
def test_no_other_token_will_do(guarded: TestClient, token: str) -> None:
    headers = {b"Authorization": f"Bearer {token}".encode(), b"Cookie": f"evonas-token={token}".encode()}
    for name, value in headers.items():
        assert guarded.get(f"{API}/searches", headers={name: value}).status_code == 401
    assert guarded.get("/", params={"token": token}).status_code == 401


def test_programs_send_the_token(guarded: TestClient) -> None:
    for scheme in ("Bearer", "bearer"):
        assert guarded.get(f"{API}/searches", headers={"Authorization": f"{scheme} {TOKEN}"}).status_code == 200
    assert guarded.get(f"{API}/searches", headers={"Authorization": f"Basic {TOKEN}"}).status_code == 401


def test_a_browser_gets_a_cookie_and_an_address_without_the_token(guarded: TestClient) -> None:
    answer = guarded.get("/searches/run:one", params={"token": TOKEN, "part": "trials & more"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/searches/run:one?part=trials+%26+more"
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/"))
    assert answer.headers["cache-control"] == "no-store"
    sent = {"Cookie": f"other=1; evonas-token={TOKEN}"}
    guarded.cookies.clear()
    assert guarded.get("/", headers=sent).status_code == 200
    assert guarded.post(f"{API}/nothing", json={}, headers={**sent, **ORDER}).status_code in (404, 405)


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "///evil.example/x"])
def test_admission_leads_nowhere_else(guarded: TestClient, path: str) -> None:
    request = guarded.build_request("GET", ADDRESS)
    request.url = request.url.copy_with(raw_path=f"{path}?token={TOKEN}".encode())
    location = guarded.send(request).headers["location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


def test_a_token_in_an_address_orders_nothing(guarded: TestClient) -> None:
    answer = guarded.post(ACTIONS, params={"token": TOKEN}, json=PIN, headers=ORDER)
    assert answer.status_code == 401


# Other sites.

_GOOD: dict[str, list[str | None]] = {
    "Origin": [None, ADDRESS],
    "Sec-Fetch-Site": [None, "same-origin", "none"],
    "X-Evonas-Request": ["1"],
    "Content-Type": ["application/json", "application/json; charset=utf-8"],
}
_BAD: dict[str, list[str | None]] = {
    "Origin": [
        "http://evil.example",
        "null",
        "http://localhost",
        "http://localhost:8091",
        "file://",
        "https://localhost.evil",
    ],
    "Sec-Fetch-Site": ["cross-site", "same-site", "x"],
    "X-Evonas-Request": [None, "", "0"],
    "Content-Type": [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
}


def _variants() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield orders in which one thing is wrong, whatever is right about the rest."""
    for wrong, values in _BAD.items():
        others = [name for name in _GOOD if name != wrong]
        for value in values:
            for good in itertools.product(*(_GOOD[name] for name in others)):
                headers = {wrong: value, **dict(zip(others, good, strict=True))}
                yield f"{wrong}={value}", {name: text for name, text in headers.items() if text is not None}


def test_another_sites_page_orders_nothing_however_it_tries(client: TestClient, folder: Path) -> None:
    body = b'{"action": "pin", "trial": 3}'
    for wrong, headers in _variants():
        answer = client.post(ACTIONS, content=body, headers=headers)
        assert answer.status_code in (403, 415), (wrong, headers)
    assert not (folder / PINNED_FILE).exists()


def test_the_pages_own_orders_pass(client: TestClient) -> None:
    for values in itertools.product(*_GOOD.values()):
        headers = {name: value for name, value in zip(_GOOD, values, strict=True) if value is not None}
        answer = client.post(ACTIONS, content=b'{"action": "pin", "trial": 3, "preview": true}', headers=headers)
        assert answer.status_code == 200, (headers, answer.text)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_sites_page_reads_nothing_of_the_api_but_may_link_to_the_page(client: TestClient, site: str) -> None:
    for path in (f"{API}/searches", f"{API}/changes", f"{API}/searches/run:one/report"):
        assert client.get(path, headers={"Sec-Fetch-Site": site}).status_code == 403
    assert client.get("/", headers={"Sec-Fetch-Site": site}).status_code == 200


def test_an_order_has_a_length_and_it_is_small(client: TestClient) -> None:
    json = {"Content-Type": "application/json", **ORDER}
    assert client.post(ACTIONS, content=iter([b"{}"]), headers=json).status_code == 411
    assert client.post(ACTIONS, content=b" " * (MAX_ORDER + 1), headers=json).status_code == 413


def test_a_read_only_page_changes_nothing_and_says_so(folder: Path) -> None:
    with serving_runs(folder.parent, ["one"], rights=Rights(Acting.NOBODY)) as client:
        assert client.get(f"{API}/page").json()["readOnly"] is True
        permissions = client.get(ACTIONS).json()
        assert {item["allowed"] for item in permissions} == {False}
        assert all("only shows" in item["reason"] for item in permissions)
        for preview in (True, False):
            answer = client.post(ACTIONS, json={**PIN, "preview": preview}, headers=ORDER)
            assert (answer.status_code, "only shows" in answer.json()["message"]) == (403, True)
    assert not (folder / PINNED_FILE).exists()


def test_viewers_who_act_by_their_own_rights_have_none_on_this_machine(folder: Path) -> None:
    with serving_runs(folder.parent, ["one"], rights=Rights(Acting.VIEWER, "X-Forwarded-Access-Token")) as client:
        for headers in ({}, {"X-Forwarded-Access-Token": "a.b.c"}):
            answer = client.post(ACTIONS, json=PIN, headers={**ORDER, **headers})
            assert (answer.status_code, "who have none" in answer.json()["message"]) == (403, True)
    assert not (folder / PINNED_FILE).exists()
