"""A service that says hello and names its version. Run: python3 hello.py PORT VERSION."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, VERSION = int(sys.argv[1]), sys.argv[2]
BROKEN = VERSION.endswith("-broken")  # a version to practise with: every third request fails


class Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits for a delayed acknowledgement
    asked = 0

    def do_GET(self):
        Hello.asked += self.path != "/health"
        failed = BROKEN and self.path != "/health" and Hello.asked % 3 == 0
        body = f"hello from version {VERSION}\n".encode()
        self.send_response(500 if failed else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", PORT), Hello).serve_forever()
