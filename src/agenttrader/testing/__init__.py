"""What an adapter is tested with: conformance suites, and doubles that keep their ports' promises."""
