"""The Envoy room: a data plane that splits one service's traffic and forgets the split by itself.

It knows clusters, weights and leases, nothing about rollouts. Files hold the durable truth ("all
traffic on stable"); the canary's weights arrive as a lease that Envoy drops when nobody renews it.

    model      what a front is: plain frozen values
    clusters   model -> CDS and EDS          routes   model -> RDS, and the runtime keys of a split
    config     model -> bootstrap, LDS and the set of files of one front
    leases     the book of leases           subscription   the protocol with one Envoy, sans-I/O
    rtds       the server that leases weights to Envoy: the dead-man's switch;  proto: its messages
    stats      admin text -> counters        admin    the client that reads Envoy back
    process    find, check and launch Envoy;  proc: know a process again;  ports: one per port
    files      write a watched file          front    apply a front in the order that loses nothing
"""
