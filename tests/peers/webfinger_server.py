"""A fediverse server, as far as WebFinger goes. The requested user name selects good or bad behaviour.

python -P webfinger_server.py ADDRESS CERTIFICATE
"""

import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SELF = {"rel": "self", "type": "application/activity+json"}
PAGE = {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # http.server's name
        parts = urlsplit(self.path)
        resource = parse_qs(parts.query).get("resource", [""])[0]
        user = resource.removeprefix("acct:").partition("@")[0]
        actor = f"https://social.example/users/{user}"
        good = {
            "subject": resource,
            "links": [SELF | {"href": actor}, PAGE | {"href": f"https://social.example/@{user}"}],
        }
        if user == "moved" and parts.path != "/moved":
            self.redirect(f"/moved?{parts.query}")
        elif user == "plain":
            self.redirect(f"http://social.example/moved?{parts.query}")
        elif user == "inward":
            self.redirect(f"https://private.example/moved?{parts.query}")
        elif user == "round":
            self.redirect(self.path)
        elif user == "other":
            self.send_document(json.dumps(good | {"subject": "acct:somebody@social.example"}).encode())
        elif user == "bare":
            self.send_document(json.dumps(good | {"links": []}).encode())
        elif user == "script":
            self.send_document(json.dumps(good | {"links": [SELF | {"href": "javascript:alert(1)"}]}).encode())
        elif user == "html":
            self.send_document(b"<!doctype html>")
        elif user == "huge":
            self.send_document(b"[" * 1_000_000)
        elif user == "gone":
            self.send_error(404)
        else:
            self.send_document(json.dumps(good).encode())

    def redirect(self, location: str) -> None:
        self.send_response(302)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_document(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/jrd+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    address, certificate = sys.argv[1:]
    server = ThreadingHTTPServer((address, 443), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()


main()
