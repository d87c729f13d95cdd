from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from pydantic import BaseModel

from gateway.config import Config, HttpConfig
from gateway.errors import Failure, Reason
from gateway.web import server
from gateway.web.route import Call, Route

PUBLIC = {
    ("GET", "/healthz"),
    ("GET", "/metrics"),
    ("GET", "/api/v1/setup"),
    ("POST", "/api/v1/setup"),
    ("POST", "/api/v1/login"),
}


class Wanted(BaseModel):
    count: int


def route(handler: Any, **options: Any) -> Route:
    return Route("POST", "/api/v1/try/{id}", handler, "Try", options.pop("access", "viewer"), "try", **options)


async def test_every_route_but_the_public_ones_needs_a_token(api) -> None:
    assert {(r.method, r.path) for r in server.core_routes(api.ctx) if r.access == "public"} == PUBLIC
    for declared in server.core_routes(api.ctx):
        if declared.access != "public":
            status, body = await api.call(declared.method, declared.path.replace("{id}", "1"), user=None)
            assert (status, body["error"]) == (401, "unauthenticated"), declared


async def test_a_role_below_the_routes_is_refused_on_every_route(api) -> None:
    await api.add_user("guest", "viewer")
    for declared in server.core_routes(api.ctx):
        if declared.access in ("operator", "admin"):
            status, body = await api.call(declared.method, declared.path.replace("{id}", "1"), user="guest")
            assert (status, body["error"]) == (403, "forbidden"), declared


async def test_a_body_is_validated_and_the_mistake_named_without_the_value(start_api) -> None:
    async def handler(call: Call) -> dict[str, Any]:
        return {"count": call.body(Wanted).count, "id": call.path("id"), "by": str(call.actor), "role": call.role}

    api = await start_api(extra=(route(handler, body=Wanted),))
    status, body = await api.call("POST", "/api/v1/try/7", {"count": 2})
    assert (status, body) == (200, {"count": 2, "id": "7", "by": "user:root", "role": "admin"})
    status, body = await api.call("POST", "/api/v1/try/7", {"count": "s3cret"})
    assert (status, body["error"], body["fields"][0]["field"]) == (400, "invalid", "count")
    assert "s3cret" not in str(body)
    status, body = await api.call("POST", "/api/v1/try/7", headers={"Content-Type": "text/plain"})
    assert (status, body["error"]) == (415, "unsupported_media_type")


async def test_a_failed_operation_says_its_step_in_two_languages(start_api) -> None:
    async def handler(_call: Call) -> None:
        raise Failure(Reason.NO_KEY_FRAME, channel="34020000001310000001")

    api = await start_api(extra=(route(handler),))
    status, body = await api.call("POST", "/api/v1/try/1")
    assert (status, body["step"], body["channel"]) == (504, "no_key_frame", "34020000001310000001")
    assert "key frame" in body["message"] and "关键帧" in body["message_zh"] and body["hint"]


async def test_our_own_fault_is_a_500_without_particulars_and_the_server_lives_on(start_api, capsys) -> None:
    async def handler(_call: Call) -> None:
        raise ZeroDivisionError("inner secret")

    api = await start_api(extra=(route(handler),))
    status, body = await api.call("POST", "/api/v1/try/1")
    assert (status, body["step"]) == (500, "internal")
    assert "inner secret" not in str(body)
    assert (await api.call("GET", "/healthz", user=None))[0] == 200


async def test_a_handler_may_answer_nothing_or_a_response_of_its_own(start_api) -> None:
    async def nothing(_call: Call) -> None:
        return None

    async def own(_call: Call) -> aiohttp.web.Response:
        return aiohttp.web.Response(text="own", status=202)

    api = await start_api(extra=(route(nothing), Route("GET", "/own", own, "Own", "viewer", "try")))
    assert await api.call("POST", "/api/v1/try/1") == (204, "")
    assert await api.call("GET", "/own") == (202, "own")


async def test_unknown_paths_and_methods_are_json_errors(api) -> None:
    status, body = await api.call("GET", "/api/v1/nothing")
    assert (status, body["error"]) == (404, "not_found")
    status, body = await api.call("PUT", "/api/v1/devices")
    assert (status, body["error"]) == (405, "method_not_allowed")


async def test_a_body_above_the_limit_is_refused(start_api) -> None:
    api = await start_api(Config(http=HttpConfig(max_body_bytes=1024)))
    status, body = await api.call("POST", "/api/v1/devices", {"id": "1" * 20, "name": "x" * 2000})
    assert (status, body["error"]) == (413, "too_large")


async def test_answers_carry_the_security_headers(api) -> None:
    for path in ("/healthz", "/api/v1/setup", "/api/v1/devices", "/nothing"):
        async with api.http.get(api.url + path) as reply:
            assert reply.headers["X-Content-Type-Options"] == "nosniff"
            assert reply.headers["X-Frame-Options"] == "DENY"
            assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
            assert ("Cache-Control" in reply.headers) == path.startswith("/api/")


async def test_health_names_what_is_failing(api) -> None:
    assert await api.call("GET", "/healthz", user=None) == (200, {"status": "ok", "problems": {}})
    api.ctx.checks["sip"] = lambda: "not listening"
    api.ctx.checks["store"] = lambda: None
    status, body = await api.call("GET", "/healthz", user=None)
    assert (status, body) == (503, {"status": "failing", "problems": {"sip": "not listening"}})


async def test_metrics_are_open_on_loopback_and_need_a_token_elsewhere(api, monkeypatch) -> None:
    api.ctx.metrics.failed(Failure(Reason.NO_PACKET), "live")
    status, text = await api.call("GET", "/metrics", user=None)
    assert status == 200 and 'gbgateway_failures_total{operation="live",reason="no_packet"} 1.0' in text
    monkeypatch.setattr(server, "_is_loopback", lambda _remote: False)
    assert (await api.call("GET", "/metrics", user=None))[0] == 401
    assert (await api.call("GET", "/metrics"))[0] == 200


@pytest.mark.parametrize("name", ["X-Forwarded-For", "forwarded", "Via", "X-Real-IP"])
async def test_metrics_are_not_open_to_whoever_comes_through_a_proxy_on_this_machine(api, name: str) -> None:
    headers = {name: "198.51.100.7"}
    assert (await api.call("GET", "/metrics", user=None, headers=headers))[0] == 401
    assert (await api.call("GET", "/metrics", headers=headers))[0] == 200


async def test_who_has_not_logged_in_sends_small_bodies_only(api) -> None:
    large = {"username": "x" * server.PUBLIC_BODY_BYTES, "password": "p"}
    status, body = await api.call("POST", "/api/v1/login", large, user=None)
    assert (status, body["error"]) == (413, "too_large")

    async def parts():
        for _ in range(server.PUBLIC_BODY_BYTES // 512 + 1):
            yield b" " * 512

    options = {"data": parts(), "headers": {"Content-Type": "application/json"}}
    async with api.http.post(api.url + "/api/v1/login", **options) as reply:
        assert reply.status == 413
    large = {"id": "r", "channels": [f"3402000000{n:010d}" for n in range(2000)]}
    assert (await api.call("POST", "/api/v1/rules", large))[0] == 201


async def test_a_body_that_does_not_come_is_not_waited_for(api, monkeypatch) -> None:
    monkeypatch.setattr(server, "BODY_S", 0.05)

    async def never():
        yield b"{"
        await asyncio.sleep(60)

    headers = {"Content-Type": "application/json"}
    async with api.http.post(api.url + "/api/v1/login", data=never(), headers=headers) as reply:
        assert (reply.status, (await reply.json())["error"]) == (408, "too_slow")


@pytest.mark.parametrize("text", ["a\r\nX: 1", "\x1b[31m", "a\x00b", "\x9b0m"])
async def test_control_characters_are_refused_wherever_a_text_is_given(api, text: str) -> None:
    status, body = await api.call("POST", "/api/v1/devices", {"id": "3" * 20, "name": f"x{text}y"})
    assert (status, body["error"]) == (400, "invalid") and "name" in body["message"]
    upper = {"id": "34020000002000000099", "host": "192.0.2.10", "username": f"x{text}y"}
    assert (await api.call("POST", "/api/v1/uppers", upper))[0] == 400
    assert (await api.call("GET", "/api/v1/devices", params={"text": f"x{text}y"}))[0] == 400


@pytest.mark.parametrize(
    ("remote", "loopback"), [("127.0.0.1", True), ("::1", True), ("192.0.2.1", False), ("", False)]
)
def test_loopback_is_told_by_address(remote: str, loopback: bool) -> None:
    assert server._is_loopback(remote) is loopback


async def test_the_description_lists_every_route(api) -> None:
    status, document = await api.call("GET", "/api/openapi.json")
    assert status == 200 and document["openapi"].startswith("3.1")
    for declared in server.core_routes(api.ctx):
        assert declared.method.lower() in document["paths"][declared.path], declared


async def test_only_the_configured_origins_may_call_from_other_pages(start_api) -> None:
    api = await start_api(Config(http=HttpConfig(allowed_origins=("https://wall.example",))))
    wanted = {"Origin": "https://wall.example", "Access-Control-Request-Method": "GET"}
    async with api.http.options(api.url + "/api/v1/devices", headers=wanted) as reply:
        assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (204, "https://wall.example")
    async with api.http.get(api.url + "/api/v1/devices", headers={"Origin": "https://wall.example"}) as reply:
        assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (401, "https://wall.example")
    async with api.http.get(api.url + "/healthz", headers={"Origin": "https://evil.example"}) as reply:
        assert "Access-Control-Allow-Origin" not in reply.headers


async def test_our_own_fault_towards_another_origin_is_a_500_too(start_api) -> None:
    async def handler(_call: Call) -> None:
        raise ZeroDivisionError

    api = await start_api(Config(http=HttpConfig(allowed_origins=("https://wall.example",))), (route(handler),))
    assert (await api.call("POST", "/api/v1/try/1", headers={"Origin": "https://wall.example"}))[0] == 500


async def test_requests_are_counted_by_method_and_status(api) -> None:
    await api.call("GET", "/healthz", user=None)
    await api.call("PROPFIND", "/healthz", user=None)
    text = (await api.call("GET", "/metrics", user=None))[1]
    assert 'gbgateway_http_requests_total{method="GET",status="200"}' in text
    assert 'gbgateway_http_requests_total{method="other",status="405"}' in text


async def test_with_a_certificate_it_speaks_tls(start_api, tmp_path) -> None:
    certificate, key = _self_signed(tmp_path)
    config = replace(Config().http, port=0, tls_certificate=certificate, tls_key=key)
    api = await start_api()
    listening = server.HttpServer(server.create_app(api.ctx), config)
    port = await listening.start()
    trust = ssl.create_default_context(cafile=certificate)
    try:
        async with api.http.get(f"https://localhost:{port}/healthz", ssl=trust) as reply:
            assert reply.status == 200 and "max-age" in reply.headers["Strict-Transport-Security"]
    finally:
        await listening.stop()


def _self_signed(directory: Any) -> tuple[str, str]:
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, der = directory / "cert.pem", directory / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    der.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(pem), str(der)
