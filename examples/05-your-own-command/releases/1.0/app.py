"""A program as people have them: options, environment, an end on SIGTERM."""

import argparse
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each answer waits for a delayed acknowledgement

    def do_GET(self):
        body = f"release {os.environ['RELEASE']}\n".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


given = argparse.ArgumentParser()
given.add_argument("--listen", type=int, required=True)
server = ThreadingHTTPServer(("127.0.0.1", given.parse_args().listen), App)
# Envoy has drained this replica before the signal comes, so there is nothing left to finish.
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print(f"release {os.environ['RELEASE']} listens on {server.server_port}", flush=True)
server.serve_forever()
