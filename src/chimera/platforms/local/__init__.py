"""The local room: services as processes on this machine, behind an Envoy that Chimera starts.

options       the operator's `target`, and the revision it resolves to
procfs        what Linux knows of a process beyond its identity: token, ports, exit code
spawn, probe  start one process in a session of its own; ask it whether it can serve
replicas      processes remembered before they exist, found again, ended by verified identity
record        what each service is made of, in one durable file per service
fleet         a version's replicas: enough of them, all answering
front         the service's Envoy: files, lease, process, and what is in force in it
orchestrator, router, metrics      the ports
keeper        brings back what died: Envoy at once, stable replicas with patience
platform, doctor
"""
