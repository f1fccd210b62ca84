"""The balancer's data plane, the demo app and the load generator: real sockets, real requests."""
