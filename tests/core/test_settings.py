"""Settings show no password, whoever prints them."""

from bourn import Settings


def test_passwords_of_stores_and_plugins_are_not_shown():
    """What a store's client and a plugin are given is shown by its keys alone."""
    settings = Settings(
        store_options={"secret_access_key": "hunter2"}, plugins={"email": {"url": "smtps://me:hunter2@mail.example"}}
    )
    assert "hunter2" not in f"{settings!r} {settings}"
    assert "store_options={'secret_access_key': '***'}" in repr(settings)
    assert settings.plugins["email"]["url"].startswith("smtps://me:hunter2@")
