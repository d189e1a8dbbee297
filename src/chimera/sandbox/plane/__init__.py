"""The data plane: what really runs. One thread with a loop of its own, for one range.

block      a range's own loopback addresses      processes  children that never outlive it
http       the smallest client                   images     what an image's name runs
scheduler  ECS services -> tasks                 tasks      the life of one task
sidecar    the Envoy beside an app               discovery  tasks in Cloud Map, target groups
topology   what the gateways should do           gateway    the Envoy that does it
targets    the load balancers' health checks     balancer   the metrics they publish
agent      the CloudWatch agent's stand-in       plane      all of them, ticking
"""
