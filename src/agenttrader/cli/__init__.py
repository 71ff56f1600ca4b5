"""The command line: one verb a use case, progress on stderr, results on stdout, exit codes with a meaning."""
