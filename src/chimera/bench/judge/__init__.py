"""The decision benchmark: many rules judge the same traces, healthy and faulty."""
