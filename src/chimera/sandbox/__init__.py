"""The practice range: an AWS in a box on loopback, with a real data plane.

Any boto3 or AWS CLI works against it with AWS_ENDPOINT_URL; tasks are processes behind real Envoys.

    options   how one range behaves          box      the whole of it: start it, use it, stop it
    world     what exists in it, by region   wire     requests and answers in AWS's protocols
    front     one request's way              server   HTTP on loopback
    faults    what is made to go wrong       calls    what was asked, counted
    control   the range's own HTTP API       patches  the services that moto lacks or gets wrong
    plane     tasks, sidecars, gateways, the metrics agent: what really runs
    seed      a user's stack in one call     main     `chimera sandbox aws`
"""

from chimera.sandbox.box import Sandbox
from chimera.sandbox.options import Options

__all__ = ["Options", "Sandbox"]
