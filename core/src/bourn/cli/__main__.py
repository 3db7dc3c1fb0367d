"""``python -m bourn.cli`` is ``bourn``."""

from bourn.cli.commands import main

main()
