"""A model behind any JSON endpoint: two functions say what is posted and where the answer is; keys, retries and limits stay ours."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from cellblock import RLM
from cellblock.models import Endpoint, GenericChat, HeaderAuth, Secret


class House(BaseHTTPRequestHandler):
    """Stands in for your server. It tells the start of the key, to show that it came in the header that it wants."""

    def do_POST(self) -> None:
        """Answer every prompt alike."""
        self.rfile.read(int(self.headers["content-length"]))
        answer = b'{"output": {"text": "FINAL(It is ' + self.headers["x-house-key"].encode()[:4] + b'...)"}}'
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


server = HTTPServer(("127.0.0.1", 0), House)
threading.Thread(target=server.serve_forever, daemon=True).start()
# With a real server: its address and your key.
address, key = f"http://127.0.0.1:{server.server_port}/v1/say", Secret("k-12345678")
model = GenericChat(
    Endpoint(provider="house", base_url=address, key=key, auth=HeaderAuth(header="x-house-key", prefix="")),
    payload=lambda messages, max_tokens, sampling: {
        "input": [{"who": turn.role, "what": turn.content} for turn in messages],
        "limit": max_tokens,
    },
    parse=lambda answer: answer["output"]["text"],
)
result = RLM(model).run("Which key did you get?", "no context needed")
print(result.answer, result.usage.calls)
