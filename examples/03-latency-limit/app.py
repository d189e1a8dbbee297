"""A service whose versions 2 and later are slow. Run: python3 app.py PORT VERSION."""

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, VERSION = int(sys.argv[1]), sys.argv[2]
TAKES_S = 0.005 if VERSION == "1" else 0.15


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits for a delayed acknowledgement

    def do_GET(self):
        if self.path != "/health":
            time.sleep(TAKES_S)
        body = f"version {VERSION} took {TAKES_S * 1000:g} ms\n".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), App).serve_forever()
