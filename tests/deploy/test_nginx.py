"""What stands in front: the files of deploy/nginx in the real nginx, a real reader behind it."""

import base64
import json
import socket
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.deploy.nginx import KEY, PAGE, PASSWORD, USER, Front, front, line_of
from tests.deploy.programs import program
from tests.milk_serving.online import AUGUST, months_body
from tests.ports import free_port

LATEST = "/v1/predictions/latest"
ONLINE = "/v1/predictions/online"
GUARDS = ("x-content-type-options", "x-frame-options", "referrer-policy", "content-security-policy")
PROBLEM = "application/problem+json"


def _problem(answer: httpx.Response, status: int, kind: str) -> dict[str, object]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    content = answer.json()
    assert (content["status"], content["type"]) == (status, f"urn:milk:problem:{kind}")
    assert set(content) == {"type", "title", "status", "detail", "instance"}
    return dict(content)


def _past_issue(http: httpx.Client) -> str:
    """An address whose answer can never change: what stood at the first publication."""
    published = http.get("/v1/issues").json()["data"][-1]["published_at"]
    return f"{LATEST}?as_of={published}"


def test_the_reader_is_at_the_root(http: httpx.Client) -> None:
    assert http.get(LATEST).json()["data"][0]["price"] == 200.0
    assert http.get("/").headers["content-type"].startswith("text/html")
    assert http.get("/nowhere").json()["type"] == "urn:milk:problem:not-found", "the reader's own words pass"


def test_each_guarding_header_is_said_once(http: httpx.Client) -> None:
    for path in ("/", LATEST, "/nowhere", "/metrics", ONLINE):
        names = [name.decode().lower() for name, _ in http.get(path).headers.raw]
        assert [names.count(guard) for guard in GUARDS] == [1, 1, 1, 1], path
        assert names.count("x-request-id") == 1, path
        assert names.count("cache-control") == 1, path


def test_the_version_of_the_server_is_nobodys_business(http: httpx.Client) -> None:
    assert http.get("/nowhere").headers["server"] == "nginx"


def test_answers_come_packed_for_who_takes_that(http: httpx.Client) -> None:
    packed = http.get("/v1/issues", headers={"Accept-Encoding": "gzip"})
    plain = http.get("/v1/issues", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()


def test_what_can_never_change_is_kept(http: httpx.Client) -> None:
    path = _past_issue(http)
    first, second = http.get(path), http.get(path)
    assert "immutable" in first.headers["cache-control"]
    assert (first.headers["x-cache-status"], second.headers["x-cache-status"]) == ("MISS", "HIT")
    assert first.content == second.content
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    other = http.get(path, headers={"Accept": "text/csv"})
    assert other.headers["content-type"].startswith("text/csv"), "another format is another answer"


def test_what_may_change_is_asked_for_each_time(http: httpx.Client) -> None:
    for _ in range(3):
        assert http.get(LATEST).headers["x-cache-status"] in ("MISS", "BYPASS", "EXPIRED")


def test_who_holds_an_answer_is_told_so(http: httpx.Client) -> None:
    held = http.get(LATEST).headers["etag"]
    again = http.get(LATEST, headers={"If-None-Match": held})
    assert (again.status_code, again.content) == (304, b"")
    path = _past_issue(http) + "&kind=live"
    asked = {"If-None-Match": "*"}
    assert http.get(path, headers=asked).status_code == 304
    whole = http.get(path)
    assert whole.status_code == 200
    assert whole.json()["data"], "a 304 is never kept in the place of what it stands for"
    assert http.get(path, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    "path",
    [ONLINE, "/predictions/online", "/api/v1/get_online_prediction", "/v1//predictions/online",
     "/v1/x/../predictions/online", "/v1/predictions/%6Fnline", f"{ONLINE}/0123456789abcdef0123456789abcdef"],
)  # fmt: skip
def test_the_online_route_is_closed_to_who_has_no_key(http: httpx.Client, path: str) -> None:
    for headers in ({}, {"X-API-Key": "wrong"}, {"X-API-Key": ""}):
        # By the socket: a client would make the address plain.
        answer = http.request("POST", httpx.URL(http.base_url, raw_path=path.encode()), headers=headers, content=b"{}")
        _problem(answer, 401, "no-key")
        assert answer.headers["www-authenticate"].startswith("ApiKey")


def test_a_browser_learns_without_a_key_that_a_page_may_send_one(http: httpx.Client) -> None:
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "content-type,x-api-key"}  # fmt: skip
    answer = http.options(ONLINE, headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "X-API-Key" in answer.headers["access-control-allow-headers"]
    refused = [
        answer for answer in (http.options(ONLINE, headers=asked) for _ in range(40)) if answer.status_code != 200
    ]
    assert refused, "without a key only so often"
    _problem(refused[0], 429, "too-often")


def test_who_has_a_key_is_answered_and_named_in_the_log(http: httpx.Client, site: Front) -> None:
    body = json.dumps(months_body(AUGUST, 200.0, 201.0)).encode()
    answer = http.post(ONLINE, content=body, headers={"X-API-Key": KEY, "X-Request-ID": "asked-with-a-key"})
    # This store has no model: the reader says so itself.
    assert answer.status_code not in (401, 403, 502)
    assert line_of(site.log, "asked-with-a-key")["key"] == "first"
    assert KEY not in site.log.read_text(encoding="utf-8")


def test_the_log_does_not_tell_where_a_prediction_is_kept(http: httpx.Client, site: Front) -> None:
    secret = "c0ffee" * 5 + "aa"
    paths = (f"{ONLINE}/{secret}", f"/v1/predictions/%6Fnline/{secret}", f"/predictions//online/{secret}?a=1")
    for number, path in enumerate(paths):
        headers = {"X-API-Key": KEY, "X-Request-ID": f"kept-{number}"}
        http.request("GET", httpx.URL(http.base_url, raw_path=path.encode()), headers=headers)
    for number, shown in enumerate(
        (f"{ONLINE}/{{prediction_id}}", "{encoded}", "/predictions//online/{prediction_id}")
    ):
        assert line_of(site.log, f"kept-{number}")["uri"] == shown
    assert secret not in site.log.read_text(encoding="utf-8")


def test_a_body_that_is_too_large_is_refused_before_the_reader_sees_it(http: httpx.Client) -> None:
    answer = http.post(ONLINE, content=b"x" * (256 * 1024 + 1), headers={"X-API-Key": KEY})
    _problem(answer, 413, "too-large")


def test_who_asks_too_often_is_told_so(http: httpx.Client) -> None:
    answers = [http.post(ONLINE, content=b"{}", headers={"X-API-Key": KEY}) for _ in range(40)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    _problem(refused[0], 429, "too-often")
    assert refused[0].headers["retry-after"] == "1"
    assert http.get("/livez").status_code == 200, "the limit of the keys is not that of the readers"


def test_metrics_are_closed_and_the_reader_has_them(http: httpx.Client, reader_port: int) -> None:
    for path in ("/metrics", "/%6Detrics", "//metrics", "/x/../metrics"):
        answer = http.request("GET", httpx.URL(http.base_url, raw_path=path.encode()))
        _problem(answer, 403, "closed")
    assert "milk_reader_request_seconds" in httpx.get(f"http://127.0.0.1:{reader_port}/metrics").text


def test_the_client_is_the_one_that_connected(http: httpx.Client, site: Front, folder: Path) -> None:
    http.get(LATEST, headers={"X-Forwarded-For": "203.0.113.9", "X-Request-ID": "forged-client"})
    for log in (site.log, folder / "reader.log"):
        assert line_of(log, "forged-client")["client"] == "127.0.0.1"


def test_the_ui_wants_a_password_and_hands_it_to_nobody(http: httpx.Client) -> None:
    assert http.get("/dagster").headers["location"] == "/dagster/"
    refused = http.get("/dagster/assets")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic")
    assert http.get("/dagster/assets", auth=(USER, "wrong")).status_code == 401
    asked = http.get("/dagster/assets?view=all", auth=(USER, PASSWORD))
    assert asked.json()["path"] == "/dagster/assets?view=all"
    assert "authorization" not in asked.json()["headers"]
    assert asked.headers["x-frame-options"] == "SAMEORIGIN"


def test_the_ui_speaks_by_websocket(site: Front) -> None:
    host, port = site.url.removeprefix("http://").split(":")
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    asked = (
        f"GET /dagster/graphql HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Authorization: Basic {basic}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(asked.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 101 ")
        connection.sendall(b"ping")
        assert connection.recv(4) == b"ping"


def test_who_is_away_is_said_to_be(folder: Path) -> None:
    nobody = {"reader:8000": free_port(), "webserver:3000": free_port()}
    with front(folder / "alone", upstreams=nobody) as alone, httpx.Client(base_url=alone.url) as http:
        answer = http.get(LATEST)
        assert _problem(answer, 502, "away")["instance"] == LATEST
        assert answer.headers["retry-after"] == "5"
        page = http.get("/", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (502, "text/html")
        assert "Intente de nuevo" in page.text
        assert http.get("/dagster/", auth=(USER, PASSWORD)).status_code == 502


def test_no_log_tells_where_a_prediction_is_kept_when_something_goes_wrong(folder: Path) -> None:
    secret, nobody = "c0ffee" * 5 + "aa", {"reader:8000": free_port(), "webserver:3000": free_port()}
    with (
        front(folder / "silent", upstreams=nobody) as alone,
        httpx.Client(base_url=alone.url, headers={"X-API-Key": KEY}) as http,
    ):
        for path in (f"{ONLINE}/{secret}", f"/predictions/online/{secret}?a={secret}"):
            _problem(http.get(path), 502, "away")
        _problem(http.post(f"{ONLINE}?a={secret}", content=b"x" * (256 * 1024 + 1)), 413, "too-large")
        assert 429 in [http.get(f"{ONLINE}/{secret}").status_code for _ in range(40)]
        http.get(LATEST)
        told = (alone.folder / "error.log").read_text(encoding="utf-8")
    assert LATEST in told
    assert secret not in told


def test_by_tls_all_is_as_without_and_browsers_are_told_to_stay(folder: Path, reader_port: int, ui_port: int) -> None:
    upstreams = {"reader:8000": reader_port, "webserver:3000": ui_port}
    place = folder / "tls"
    context = _certificate(place / "secrets")
    with front(place, upstreams=upstreams, listen="tls") as secure:
        moved = httpx.get(f"{secure.url}{LATEST}?a=1")
        assert (moved.status_code, moved.headers["location"]) == (308, f"https://127.0.0.1{LATEST}?a=1")
        with httpx.Client(base_url=f"https://localhost:{secure.tls_port}", verify=context) as http:
            answer = http.get(LATEST)
            assert answer.json()["data"][0]["price"] == 200.0
            for path in (LATEST, ONLINE, "/dagster/"):
                assert http.get(path).headers["strict-transport-security"] == "max-age=31536000"


def _certificate(secrets: Path) -> ssl.SSLContext:
    """A certificate for this machine, where nginx reads it; and who trusts it."""
    secrets.mkdir(parents=True)
    certificate, key = secrets / "tls_certificate", secrets / "tls_key"
    made = [
        program("openssl", "openssl"),
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    subprocess.run(made, check=True, capture_output=True)
    return ssl.create_default_context(cafile=str(certificate))
