"""Two specs that work: the smallest that says something, and one that uses every key."""

TEN_LINES = """\
version: 1
service: checkout
target:
  platform: local
  command: python app.py --port {port}
  port: 8080
  health: /health
strategy: balanced
errorRate: 1%
latencyP95: 300ms
"""

FULL = """\
version: 1
service: checkout
target:
  platform: local
  command: python app.py --port {port}
  port: 8080
  health: /health
strategy: careful

steps:
  - setWeight: 1
    bake: 2m
  - setWeight: 10
  - pause: 5m                 # 10 % bakes for these 5 min
  - setWeight: 50
  - approval:                 # 50 % bakes, then a person decides
      role: operator
  - setWeight: 95
  - pause: {}                 # waits for `chimera resume`
  - setWeight: 100
    bake: 10m

analysis:
  interval: 1s
  noDataDeadline: 5m
  onNoData: pause
  falseAlarms: 1%             # healthy versions rolled back by chance
  harmBudget: 0.5%            # of all responses, for what an advance may not have seen
  errorTolerance: 10%         # more errors than stable that are still healthy
  latencyTolerance: 10%       # more slow requests than stable that are still healthy
  warmUp: 30s
  skew: 0s                    # both versions' numbers are of the same moment
  metrics:
    - name: errorRate
      max: 1%
      maxIncreaseOverStable: 50%
      minRequests: 100
      onNoData: rollback
    - name: latencyP99
      max: 800ms
    - name: latencyP50
      maxIncreaseOverStable: 20%
    - name: declined payments   # your own: any query
      provider: prometheus
      query: sum by (instance) (payments_declined_total{version="{{revision}}"})
      total: sum by (instance) (payments_total{version="{{revision}}"})
      max: 3%
      maxIncreaseOverStable: 25%
    - name: cart value
      provider: prometheus
      query: avg(cart_euros{version="{{revision}}"})
      range: [0, 500]
      every: 1m
      min: 20

latencyP95: 300ms
canary:
  replicas: 1
traffic:
  sticky: false
  override: true
progressDeadline: 10m
scaleDownDelay: 5m
drainTimeout: 30s
lease: 15s
"""
