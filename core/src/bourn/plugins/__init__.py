"""Registry of installed plugins: entry points, specs, matrix, hooks, policies, contract validation."""
