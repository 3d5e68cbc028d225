import pytest

from bot.chain.relay_authorization import load_authorization
from bot.core.errors import BadConfiguration

NAME = "BOT_RELAY_BLOXROUTE__AUTHORIZATION_FILE"


@pytest.mark.parametrize("content", [b"Y2FuYXJ5", b"Bearer Y2FuYXJ5\n"])
def test_one_line_of_a_private_file(tmp_path, content):
    path = tmp_path / "header"
    path.write_bytes(content)
    path.chmod(0o600)
    assert load_authorization(path, NAME) == content.decode().strip()


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"a\r\nX-Other: b", b"\xff", b"x" * 5000])
def test_what_is_no_header_is_refused_and_not_quoted(tmp_path, content):
    path = tmp_path / "header"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(BadConfiguration, match=NAME) as refused:
        load_authorization(path, NAME)
    assert content.decode(errors="replace") not in str(refused.value) or not content.strip()


def test_a_file_others_can_read_is_refused(tmp_path):
    path = tmp_path / "header"
    path.write_text("secret")
    path.chmod(0o644)
    with pytest.raises(BadConfiguration, match=f"{NAME}.*0644") as refused:
        load_authorization(path, NAME)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadConfiguration, match=f"{NAME}.*is not there"):
        load_authorization(tmp_path / "none", NAME)
