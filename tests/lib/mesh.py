"""Several nodes in one mesh, and somebody who may sign what no node would."""
import base64
import contextlib
import hashlib
import http.server
import json
import socket
import ssl
import struct
import threading
import time
import urllib.error
import urllib.request
import uuid

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .node import Node, free_port

GREETING = "300ms"  # between greetings, so that tests need not wait


def open_nodes(folder, names, config=None):
    """Nodes that run and are in no mesh yet, by name."""
    nodes = {}
    for name in names:
        node = NamedNode(folder / name, name, {"mesh.greeting": GREETING, **(config or {})})
        nodes[name] = node.start()
    return nodes


class NamedNode(Node):
    def __init__(self, folder, name, config):
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        super().__init__(folder, config)

    def cli(self, *args, **more):
        if args[:1] == ("init",):
            args += ("--name", self.name)
        return super().cli(*args, **more)


def join(hub, node, *domains):
    """Invites a node and lets it join."""
    flags = [f for domain in domains for f in ("--domain", domain)]
    invitation = hub.cli("node", "invite", node.name, *flags)
    node.cli("node", "join", text=invitation)
    return invitation.strip()


def open_mesh(folder, names, config=None):
    """The first node founds the mesh `shop`, the others join, each with a domain of its name."""
    nodes = open_nodes(folder, names, config)
    hub, *others = nodes.values()
    hub.cli("mesh", "init", "shop")
    for node in others:
        join(hub, node, node.name)
    return nodes


def govern(nodes, files):
    """The governing node, the first one, says these files for all; returns once all enforce them."""
    hub, *_ = nodes
    hub.apply({path: text for path, text in files.items() if not path.startswith("domains/")})
    until = time.monotonic() + 10
    while any(entry["behind"] for node in nodes for entry in json.loads(node.cli("governance", "status", "-o", "json"))["nodes"]):
        assert time.monotonic() < until
        time.sleep(0.05)


def states(node):
    """{name: state} as a node sees the others."""
    return {row["node"]: row["state"] for row in node.cli_json("get", "nodes")}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Key:
    """An Ed25519 key, of a file of a node or made up."""

    def __init__(self, path=None):
        self.private = serialization.load_pem_private_key(path.read_bytes(), None) if path else Ed25519PrivateKey.generate()
        public = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(public)}
        text = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": self.jwk["x"]}, separators=(",", ":"))
        self.thumbprint = b64(hashlib.sha256(text.encode()).digest())

    def jws(self, kind, payload, **header):
        head = {"alg": "EdDSA", "kid": self.thumbprint, "typ": kind, **header}
        signed = b64(json.dumps(head).encode()) + "." + b64(json.dumps(payload).encode())
        return signed + "." + b64(self.private.sign(signed.encode()))

    def token(self, sender, receiver, method, path, body=b"", **claims):
        """A node's token; claims replace what would be right, None leaves one out."""
        now = int(time.time())
        said = {"iss": sender, "aud": receiver, "iat": now, "exp": now + 60, "jti": uuid.uuid4().hex, "htm": method, "htu": path,
                "digest": b64(hashlib.sha256(body).digest()), **claims}
        return self.jws("weft-node+jwt", {k: v for k, v in said.items() if v is not None})


def payload(jws):
    return json.loads(unb64(jws.split(".")[1]))


def ask(node, method, path, body=None, token=None):
    """(status, answer) of a node's HTTPS door, whoever it says it is."""
    context = ssl._create_unverified_context()
    request = urllib.request.Request(node.url(path), data=body, method=method)
    if body is not None:
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, context=context, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def post_query(node, user, body, accept="application/json", **headers):
    """(status, headers, body) of a statement over HTTP."""
    request = urllib.request.Request(node.url("/api/v1/query"), json.dumps(body).encode(), {"Content-Type": "application/json", "Accept": accept, **headers})
    request.add_header("Authorization", f"Bearer {node.token(user)}")
    try:
        with urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=30) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


PREPARED, DATA, DONE, ERROR = 8, 12, 14, 15  # what answers between nodes are made of


def frame(kind, payload):
    payload = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return struct.pack("<IBxxx", len(payload), kind) + payload


def rows(data, count=1):
    return frame(DATA, struct.pack("<I", count) + data)


class Impostor:
    """The node `sales` in the hands of somebody hostile: its address and keys, and answers of its own."""

    def __init__(self, node, hub, answers):
        self.key = Key(node.data / "keys/node.key")
        self.asked = []
        self.connections = []
        self.epoch = 99
        self.policies = {}  # {"policies": JWS}, and what the greeting says of it
        self.policy_mark = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                outer.connections.append(self.connection)

            def do_GET(self):
                outer.asked.append((self.path, b""))
                self.reply(outer.policies if self.path == "/mesh/v1/policies" else {})

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append((self.path, body))
                self.reply( outer.hello() if self.path == "/mesh/v1/hello" else answers(outer, json.loads(body)))

            def reply(self, answer):
                if answer is None:  # never ends
                    self.send_response(200)
                    self.end_headers()
                    try:
                        while True:
                            self.wfile.write(b"x" * 65536)
                    except OSError:
                        return
                text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(node.data / "keys/tls.crt", node.data / "keys/tls.key")
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", node.settings["http.port"]), Handler)
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        body = json.dumps(self.hello()).encode()  # as a node does that starts
        assert ask(hub, "POST", "/mesh/v1/hello", body, self.key.token("sales", "hub", "POST", "/mesh/v1/hello", body))[0] == 200

    def hello(self):
        return {"node": "sales", "weft": "9.9", "protocol": 9, "mesh_version": 3, "catalogue": {"boot": "evil", "epoch": self.epoch}, "policies": self.policy_mark,
                "time_us": int(time.time() * 1e6)}

    def offers(self, jws, version):
        """A set of mesh policies, to whoever asks."""
        self.policies = {"policies": jws}
        self.policy_mark = {"version": version, "digest": b64(hashlib.sha256(unb64(jws.split(".")[1])).digest())}

    def signed(self, change, key=None):
        return {"catalogue": (key or self.key).jws("weft-catalogue+jws", change)}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:  # kept alive ones would go on
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def manifests(domain, products, hidden=(), hidden_domain=False):
    """A mesh of one domain with products that hold a table of their name each; nothing is ingested."""
    files = {
        "mesh.yaml": "apiVersion: weft/v1\nkind: Mesh\nmetadata: {name: shop}\nspec: {owners: [governance]}\n",
        f"domains/{domain}/domain.yaml": f"apiVersion: weft/v1\nkind: Domain\nmetadata: {{name: {domain}}}\nspec: {{owners: [{domain}-owners], hidden: {str(hidden_domain).lower()}}}\n",
    }
    for name in [*products, *hidden]:
        secret = "  - {property: hidden, value: true}\n" if name in hidden else ""
        files[f"domains/{domain}/{name}/product.yaml"] = (
            f"apiVersion: v1.0.0\nkind: DataProduct\nid: {domain}.{name}\nname: {name}\nversion: 1.0.0\nstatus: active\ndomain: {domain}\n"
            f"description: {{purpose: All about {name}.}}\ncustomProperties:\n  - {{property: kind, value: source-aligned}}\n{secret}"
            f"outputPorts:\n  - {{name: {name}, version: 1.0.0, contractId: {domain}.{name}}}\n")
        files[f"domains/{domain}/{name}/{name}.odcs.yaml"] = (
            f"apiVersion: v3.1.0\nkind: DataContract\nid: {domain}.{name}\nversion: 1.0.0\nstatus: active\nschema:\n  - name: {name}\n    description: One row per {name}.\n"
            "    properties:\n      - {name: id, physicalType: INTEGER, required: true, primaryKey: true}\n      - {name: email, physicalType: VARCHAR, tags: [contact]}\n")
    return files


__all__ = ["DATA", "DONE", "ERROR", "PREPARED", "Impostor", "Key", "NamedNode", "ask", "b64", "frame", "free_port", "govern", "join", "manifests", "open_mesh", "open_nodes", "payload", "post_query", "rows", "states"]
