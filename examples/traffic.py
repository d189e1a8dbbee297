"""Send steady requests and print each second who answered what, until Ctrl-C.

Run: python3 traffic.py URL [REQUESTS_PER_SECOND]. Canaries are judged by their users: without
requests there is nothing to judge, and a rollout waits.
"""

import collections
import sys
import threading
import time
import urllib.error
import urllib.request

URL = sys.argv[1]
RATE = float(sys.argv[2]) if len(sys.argv) > 2 else 50.0
seen = collections.Counter()


def ask():
    try:
        with urllib.request.urlopen(URL, timeout=10) as answer:
            said = answer.read().decode(errors="replace").strip().splitlines()[0][:40]
    except urllib.error.HTTPError as error:
        said = f"failed: {error.code}"
    except OSError as error:
        said = f"failed: {error}"
    seen[said] += 1


def report():
    while True:
        time.sleep(1)
        now, _ = dict(seen), seen.clear()
        words = ", ".join(f"{number} x '{said}'" for said, number in sorted(now.items()))
        print(time.strftime("%H:%M:%S"), words or "no answer", flush=True)


threading.Thread(target=report, daemon=True).start()
due = time.monotonic()
try:
    while True:
        threading.Thread(target=ask, daemon=True).start()
        due += 1 / RATE
        time.sleep(max(0.0, due - time.monotonic()))
except KeyboardInterrupt:
    pass
