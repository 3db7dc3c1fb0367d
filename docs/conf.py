"""How the documentation is built: Sphinx with MyST and furo; warnings are errors."""

project = "bourn"
author = "The bourn developers"
copyright = "2026, the bourn developers"  # noqa: A001  # Sphinx's name
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "bourn"
exclude_patterns = ["_build"]
napoleon_google_docstring = False
napoleon_use_ivar = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
nitpicky = False
