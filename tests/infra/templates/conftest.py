"""Says at the end of a run which of the real tools took part."""

from tests.infra.templates import tools


def pytest_terminal_summary(terminalreporter):
    for name, found in (("nginx", tools.nginx()), ("compose", tools.compose())):
        if found:
            terminalreporter.write_line(f"{name}: {found if isinstance(found, str) else ' '.join(found)}")
        else:
            terminalreporter.write_line(f"{name}: none here, so what needs it was skipped (`make tools` gets it)")
