"""How the documentation is built: Sphinx with MyST and furo; warnings are errors."""

project = "bourn"
author = "The bourn developers"
copyright = "2026, the bourn developers"  # noqa: A001  # Sphinx's name
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "bourn.describe.sphinx"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# A page for each plugin that is installed where this is built, written at each build.
bourn_pages = "registry"

html_theme = "furo"
html_title = "bourn"
html_static_path = ["_static"]
html_css_files = ["bourn.css"]
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b6b62", "color-brand-content": "#0b6b62",
        "font-stack": 'system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "Noto Sans", sans-serif',
    },
    "dark_css_variables": {"color-brand-primary": "#5cc4b6", "color-brand-content": "#5cc4b6"},
}  # fmt: skip
exclude_patterns = ["_build", "plugins/new"]
napoleon_google_docstring = False
napoleon_use_ivar = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
nitpicky = False
