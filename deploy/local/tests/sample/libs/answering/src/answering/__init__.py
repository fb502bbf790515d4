"""A service reduced to what a supervisor sees of it: a port, two health routes, and an answer to SIGTERM."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Tells its environment to whoever asks."""

    def do_GET(self) -> None:
        body = json.dumps(dict(os.environ) if self.path == "/environment" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the log for what tests look for."""


def serve(prefix: str) -> None:
    """Answer on the port of the environment until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    port = int(os.environ[f"{prefix}_PORT"])
    print("listening on", port, flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
