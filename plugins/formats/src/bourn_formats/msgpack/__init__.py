"""The format msgpack: a result as MessagePack."""

from bourn_formats.msgpack.plugin import MsgPack

__all__ = ["MsgPack"]
