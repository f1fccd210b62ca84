"""The verbs that exist only with the sandbox: `sandbox` and `rehearse`."""
