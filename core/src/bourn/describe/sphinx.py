"""A Sphinx extension that writes what is installed into a platform's documentation.

``extensions = ["bourn.describe.sphinx"]`` in ``conf.py`` gives these directives, in reStructuredText and MyST alike::

    .. bourn:destinations::            a table of all destinations
    .. bourn:formats::                 a table of all formats
    .. bourn:destination:: email       all about one destination
    .. bourn:format:: geotiff          all about one format
    .. bourn:matrix::                  what goes together, and why the rest does not
    .. bourn:errors::                  every error with cause and cure
    .. bourn:settings::                every setting of an installation
    .. bourn:problems::                what is wrong with what is installed
    .. bourn:options:: package.Class   the fields of a class that are made by `option`

The roles ``:bourn:destination:`email``` and ``:bourn:format:`geotiff``` lead to a plugin's page. With
``bourn_pages = "plugins"`` a page for each plugin is written below that folder when a build starts.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from markdown_it.tree import SyntaxTreeNode
from sphinx import addnodes
from sphinx.domains import Domain, ObjType
from sphinx.roles import XRefRole
from sphinx.util.docutils import SphinxDirective
from sphinx.util.logging import getLogger
from sphinx.util.nodes import make_refnode

from bourn import __version__
from bourn.describe.pages import page, parser
from bourn.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sphinx.application import Sphinx
    from sphinx.builders import Builder
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata

__all__ = ["setup"]

_log = getLogger(__name__)

ROLES = ("destination", "format")

PAGE_MARK = ".. Written by bourn.describe.sphinx; it is written anew at each build."


def _described() -> dict[str, Any]:
    """What is installed where the documentation is built."""
    from bourn.plugins.registry import Registry

    global _known  # noqa: PLW0603  # asked once a build, not once a directive
    if _known is None:
        _known = Registry.installed().describe()
    return _known


_known: dict[str, Any] | None = None


class _Directive(SphinxDirective):
    """Puts a page where it stands; it is read anew at each build, since plugins come and go."""

    has_content = False

    def written(self, name: str, *arguments: Any) -> list[nodes.Node]:
        self.env.note_reread()
        tree = SyntaxTreeNode(parser().parse(page(name, *arguments, href=_href)))
        found = [self._block(each) for each in tree.children]
        # Where sections can stand the headings are sections, and so in the contents of the page; else they are rubrics.
        parent = self.state_machine.node
        return self._in_sections(found) if isinstance(parent, nodes.section | nodes.document) else found

    def _in_sections(self, found: list[nodes.Node]) -> list[nodes.Node]:
        outer: list[nodes.Node] = []
        for node in found:
            if isinstance(node, nodes.rubric):
                section = nodes.section("", nodes.title("", node.astext()))
                section["names"].append(nodes.fully_normalize_name(node.astext()))
                self.state.document.note_implicit_target(section, section)
                outer.append(section)
            elif outer and isinstance(outer[-1], nodes.section):
                outer[-1] += node
            else:
                outer.append(node)
        return outer

    def _block(self, block: SyntaxTreeNode) -> nodes.Node:
        if block.type == "heading":
            # A section can't stand in every place where a directive can.
            return nodes.rubric(block.children[0].content, block.children[0].content)
        if block.type == "bullet_list":
            items = (nodes.list_item("", *map(self._block, item.children)) for item in block.children)
            return nodes.bullet_list("", *items)
        if block.type == "blockquote":
            return nodes.warning("", *map(self._block, block.children))
        if block.type == "fence":
            text = block.content.rstrip("\n")
            return nodes.literal_block(text, text, language=block.info)
        return self._table(block) if block.type == "table" else self._paragraph(block)

    def _table(self, table: SyntaxTreeNode) -> nodes.Node:
        head, *bodies = table.children
        cells = head.children[0].children
        group = nodes.tgroup(cols=len(cells))
        group += [nodes.colspec(colwidth=1) for _ in cells]
        has_head = any(cell.children[0].content for cell in cells)
        if has_head:
            group += nodes.thead("", self._row(head.children[0]))
        group += nodes.tbody("", *(self._row(row) for body in bodies for row in body.children))
        return nodes.table("", group, classes=["bourn-table" if has_head else "bourn-facts"], align="left")

    def _row(self, row: SyntaxTreeNode) -> nodes.row:
        return nodes.row("", *(nodes.entry("", self._paragraph(cell)) for cell in row.children))

    def _paragraph(self, block: SyntaxTreeNode) -> nodes.paragraph:
        paragraph = nodes.paragraph("", "", *(self._span(span) for line in block.children for span in line.children))
        # Quotes and dashes are the author's own: they may be part of a value.
        paragraph["support_smartquotes"] = False
        return paragraph

    def _span(self, span: SyntaxTreeNode) -> nodes.Node:
        if span.type == "code_inline":
            return nodes.literal(span.content, span.content)
        if span.type == "strong":
            return nodes.strong("", "", *map(self._span, span.children))
        if span.type == "link":
            role, _, name = str(span.attrs["href"]).partition("/")
            return addnodes.pending_xref(
                "", nodes.inline("", "", *map(self._span, span.children)), refdomain="bourn", reftype=role,
                reftarget=name, refexplicit=True, refdoc=self.env.current_document.docname, refwarn=False,
            )  # fmt: skip
        return nodes.Text("\n" if span.type == "softbreak" else span.content)


def _href(role: str, name: str) -> str:
    return f"{role}/{name}"


class _Plugin(_Directive):
    """All about one destination or format; the place is a target of references."""

    required_arguments = 1
    option_spec: ClassVar = {"no-index": directives.flag}
    role: ClassVar[str]

    def run(self) -> list[nodes.Node]:
        """The page of the plugin; a warning where there is none of that name."""
        name = self.arguments[0].strip().lower()
        described = _described()
        if name not in described[f"{self.role}s"]:
            known = ", ".join(described[f"{self.role}s"]) or "none"
            _log.warning(
                "no %s is called %r; installed: %s", self.role, name, known, location=self.get_location(), type="bourn"
            )
            return []
        blocks = self.written("plugin", described, described[f"{self.role}s"][name])
        if "no-index" in self.options:
            return blocks
        anchor = f"bourn-{self.role}-{name}"
        target = nodes.target("", "", ids=[anchor])
        self.state.document.note_explicit_target(target)
        domain = self.env.domains["bourn"]
        domain.data["plugins"][self.role, name] = (self.env.current_document.docname, anchor)
        return [target, *blocks]


class _Destination(_Plugin):
    role = "destination"


class _Format(_Plugin):
    role = "format"


class _Destinations(_Directive):
    def run(self) -> list[nodes.Node]:
        """A line for each destination."""
        return self.written("overview", _described(), "destination")


class _Formats(_Directive):
    def run(self) -> list[nodes.Node]:
        """A line for each format."""
        return self.written("overview", _described(), "format")


class _Matrix(_Directive):
    def run(self) -> list[nodes.Node]:
        """What goes together."""
        return self.written("matrix", _described())


class _Errors(_Directive):
    def run(self) -> list[nodes.Node]:
        """Every error."""
        return self.written("errors", _described())


class _Settings(_Directive):
    def run(self) -> list[nodes.Node]:
        """Every setting of an installation."""
        from bourn.options.schema import schema_of
        from bourn.settings import Settings

        return self.written("settings", schema_of(Settings))


class _Problems(_Directive):
    def run(self) -> list[nodes.Node]:
        """What is wrong with what is installed."""
        return self.written("problems", _described())


class _Options(_Directive):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The fields of a class that is not a plugin's ``Options``, as a plugin's page shows those."""
        from bourn.options.schema import schema_of

        module, _, name = self.arguments[0].strip().rpartition(".")
        try:
            schema = schema_of(getattr(import_module(module), name))
        except (ImportError, AttributeError, ValueError, PluginError) as error:
            described = "the options of %r can't be described: %s"
            _log.warning(described, self.arguments[0], error, location=self.get_location(), type="bourn")
            return []
        return self.written("options", schema, "No options.")


class BournDomain(Domain):
    """Destinations and formats as things that documentation can refer to, from other projects too."""

    name = "bourn"
    label = "bourn"
    object_types: ClassVar = {role: ObjType(role, role) for role in ROLES}
    roles: ClassVar = {role: XRefRole() for role in ROLES}
    directives: ClassVar = {
        "destination": _Destination, "format": _Format, "destinations": _Destinations, "formats": _Formats,
        "matrix": _Matrix, "errors": _Errors, "problems": _Problems, "settings": _Settings, "options": _Options,
    }  # fmt: skip
    initial_data: ClassVar = {"plugins": {}}

    def clear_doc(self, docname: str) -> None:
        """Forget what a page described."""
        plugins = self.data["plugins"]
        for key in [key for key, (place, _) in plugins.items() if place == docname]:
            del plugins[key]

    def merge_domaindata(self, docnames: Iterable[str], otherdata: dict[str, Any]) -> None:
        """Take over what another process read."""
        taken = set(docnames)
        plugins = otherdata["plugins"]
        self.data["plugins"] |= {key: place for key, place in plugins.items() if place[0] in taken}

    def resolve_xref(
        self, env: BuildEnvironment, fromdocname: str, builder: Builder, typ: str, target: str,
        node: addnodes.pending_xref, contnode: nodes.Element,
    ) -> nodes.reference | None:  # fmt: skip
        """Where a plugin's page is; without one the name stands there as text."""
        place = self.data["plugins"].get((typ, target.lower()))
        if place is None:
            return None
        docname, anchor = place
        return make_refnode(builder, fromdocname, docname, anchor, contnode, target)

    def resolve_any_xref(
        self, env: BuildEnvironment, fromdocname: str, builder: Builder, target: str,
        node: addnodes.pending_xref, contnode: nodes.Element,
    ) -> list[tuple[str, nodes.reference]]:  # fmt: skip
        """For the role `any`."""
        found = ((r, self.resolve_xref(env, fromdocname, builder, r, target, node, contnode)) for r in ROLES)
        return [(f"bourn:{role}", node) for role, node in found if node is not None]

    def get_objects(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        """For the search, and for other projects."""
        for (role, name), (docname, anchor) in self.data["plugins"].items():
            yield name, name, role, docname, anchor, 1


def _write_pages(app: Sphinx) -> None:
    """A page for each plugin, where `bourn_pages` says; those of plugins that are gone are removed."""
    global _known  # noqa: PLW0603  # a new build asks anew
    _known = None
    if not app.config.bourn_pages:
        return
    for role in ROLES:
        folder = Path(app.srcdir, app.config.bourn_pages, f"{role}s")
        folder.mkdir(parents=True, exist_ok=True)
        texts = {
            folder / f"{name}.rst": f"{PAGE_MARK}\n\n{name}\n{'=' * len(name)}\n\n.. bourn:{role}:: {name}\n"
            for name in _described()[f"{role}s"]
        }
        for path in set(folder.glob("*.rst")) - set(texts):
            if path.read_text(encoding="utf-8").startswith(PAGE_MARK):
                path.unlink()
        for path, text in texts.items():
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """What Sphinx calls."""
    app.add_domain(BournDomain)
    app.add_config_value("bourn_pages", "", "env", str, "The folder, in that of the sources, for a page a plugin.")
    app.connect("builder-inited", _write_pages)
    return {"version": __version__, "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
