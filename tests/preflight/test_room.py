"""Too little memory: one line with what is missing, and proposals that fit by the same sums."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from vllm_gfx import preflight, refusal
from vllm_gfx.machine.adapters import Adapter
from vllm_gfx.preflight import need, room
from vllm_gfx.preflight.need import Need
from vllm_gfx.preflight.room import Card
from vllm_gfx.refusal import Refusal

from tests.preflight.conftest import Checkpoint
from tests.preflight.test_need import configured
from tests.support import tinylm
from tests.support.machines import FakeTorch

GIB = 2**30
# A model of 15 GiB of weights, 4.2 GiB as a 4-bit copy, and 56 KiB of KV cache a token.
MODEL = Need(
    weights=15 * GIB,
    in_4bit=int(4.2 * GIB),
    work=GIB // 2,
    full=57344.0,
    windowed=0.0,
    window=0,
    block=16,
    length=131072,
)
CARD = Card("Radeon RX 7900 XT", 20 * GIB)


def line(wanted: Need, card: Card, share: float = 0.92) -> str:
    found = room.refusal(wanted, card, share)
    assert found is not None and "\n" not in str(found)
    return str(found)


def _number(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    assert match is not None, text
    return float(match.group(1))


def test_what_fits_passes() -> None:
    assert room.refusal(replace(MODEL, length=32768), CARD, 0.92) is None
    assert room.refusal(MODEL, Card("MI300X", 192 * GIB), 0.92) is None
    assert room.refusal(replace(MODEL, length=32768), replace(CARD, free=19 * GIB), 0.92) is None


def test_how_much_is_missing_and_why() -> None:
    said = line(MODEL, CARD)
    for words in (
        "at least 22.5 GiB are needed",
        "weights 15.0 GiB",
        "KV cache of one request of 131072 tokens 7.0 GiB",
        "working memory 0.5 GiB",
        "18.4 GiB are given (0.92 of the 20.0 GiB of Radeon RX 7900 XT)",
        "4.1 GiB are missing",
    ):
        assert words in said


def test_a_hair_is_missing() -> None:
    short = replace(MODEL, weights=int(20 * GIB * 0.92) - MODEL.work - MODEL.kv(131072) + 1)
    assert "0.1 GiB are missing" in line(short, CARD)


def test_the_proposed_length_fits_and_the_next_does_not() -> None:
    length = int(_number(r"--max-model-len (\d+)", line(MODEL, CARD)))
    given = int(CARD.total * 0.92)
    assert MODEL.total(length) <= given < MODEL.total(length + 1024)
    assert room.refusal(replace(MODEL, length=length), CARD, 0.92) is None


def test_the_proposed_share_fits_and_a_lower_one_does_not() -> None:
    wanted = replace(MODEL, length=60000)
    share = _number(r"--gpu-memory-utilization ([\d.]+)", line(wanted, CARD, 0.85))
    assert room.refusal(wanted, CARD, share) is None
    assert room.refusal(wanted, CARD, share - 0.01) is not None
    assert "utilization" not in line(MODEL, CARD), "more than is sensible to give"


def test_the_proposed_copy_fits() -> None:
    said = line(MODEL, CARD)
    assert "a 4-bit copy of the model (about 4.2 GiB of weights)" in said
    assert room.refusal(MODEL.as_4bit(), CARD, 0.92) is None
    assert "4-bit" not in line(replace(MODEL, in_4bit=0), CARD)


def test_a_copy_that_fits_only_with_a_shorter_length() -> None:
    small = Card("Radeon RX 7600", 8 * GIB)
    said = line(MODEL, small)
    length = int(_number(r"4-bit copy .* with --max-model-len (\d+)", said))
    assert room.refusal(replace(MODEL.as_4bit(), length=length), small, 0.92) is None
    assert room.refusal(replace(MODEL.as_4bit(), length=length + 1024), small, 0.92) is not None


def test_nothing_would_fit() -> None:
    said = line(replace(MODEL, in_4bit=0), Card("Radeon RX 7600", 8 * GIB))
    size = _number(r"a GPU with at least ([\d.]+) GiB", said)
    assert room.refusal(MODEL, Card("larger", int((size + 0.1) * GIB)), 0.92) is None
    assert room.refusal(MODEL, Card("smaller", int((size - 0.1) * GIB)), 0.92) is not None


def test_other_programs_hold_memory() -> None:
    crowded = replace(CARD, free=17 * GIB)
    wanted = replace(MODEL, length=8192)
    said = line(wanted, crowded)
    assert "17.0 GiB of the 20.0 GiB" in said and "end the other programs" in said
    share = _number(r"give --gpu-memory-utilization ([\d.]+), which fits", said)
    assert share == 0.85
    assert room.refusal(wanted, crowded, share) is None


def test_other_programs_hold_too_much() -> None:
    crowded = replace(CARD, free=16 * GIB)
    said = line(MODEL, crowded)
    match = re.search(r"--max-model-len (\d+) --gpu-memory-utilization ([\d.]+)", said)
    assert match is not None, said
    proposed = replace(MODEL, length=int(match.group(1)))
    assert room.refusal(proposed, crowded, float(match.group(2))) is None


@pytest.mark.parametrize("length", [300, 700, 5000])
def test_short_lengths_are_proposed_in_small_steps(length: int) -> None:
    tight = replace(MODEL, length=length, full=2.0**22)
    budget = tight.total(256)
    assert room.longest(tight, budget) == 256
    assert room.longest(tight, budget - 2**22 * 16) == 0


def test_the_smallest_card_decides(checkpoint: Checkpoint) -> None:
    config = configured(checkpoint(), max_model_len=4096)
    large, small = Card("large", 48 * GIB), Card("small", 8 * GIB)
    room.check(config, [large])
    with pytest.raises(Refusal, match="of small"):
        room.check(config, [large, small])
    with pytest.raises(Refusal, match="of crowded"):
        room.check(config, [large, Card("crowded", 96 * GIB, free=6 * GIB)])
    room.check(config, [])


def test_bytes_asked_for_outright_are_left_to_vllm(checkpoint: Checkpoint) -> None:
    config = configured(checkpoint(), kv_cache_memory_bytes=GIB)
    room.check(config, [Card("small", 8 * GIB)])


def test_free_memory_by_the_system_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    pci = {"pci_domain_id": 0, "pci_bus_id": 3, "pci_device_id": 0}
    devices = [{"name": "a", "total_memory": 100, **pci}, {"name": "b", "total_memory": 8}]
    listed = [Adapter("AMD", "a", "0000:03:00.0", vram_total=101, vram_free=5)]
    monkeypatch.setattr("vllm_gfx.machine.adapters.found", lambda: listed)
    assert room.cards(FakeTorch(devices=devices), 2) == [Card("a", 100, 5), Card("b", 8, None)]
    assert room.cards(FakeTorch(devices=devices), 1) == [Card("a", 100, 5)]


def test_an_integrated_gpu_uses_more_than_its_own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system tells of the part that the firmware set aside, torch of all that may be used."""
    pci = {"pci_domain_id": 0, "pci_bus_id": 3, "pci_device_id": 0}
    shared = FakeTorch(devices=[{"name": "Radeon 8060S", "total_memory": 96 * GIB, **pci}])
    listed = [Adapter("AMD", "a", "0000:03:00.0", vram_total=GIB // 2, vram_free=GIB // 4)]
    monkeypatch.setattr("vllm_gfx.machine.adapters.found", lambda: listed)
    assert room.cards(shared, 1) == [Card("Radeon 8060S", 96 * GIB, None)]


def test_free_memory_by_another_process_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    from vllm_gfx.machine import probe, torch_view

    fake = FakeTorch(devices=[{"name": "a", "total_memory": 8}])
    answer = probe.Answer(torch_view.look(fake, free=True), {}, [])
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr(probe, "ask", lambda: answer)
    assert room.cards(fake, 1) == [Card("a", 8, 4)]


def test_a_process_that_cannot_tell_leaves_free_memory_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from vllm_gfx.machine import probe

    def fail() -> probe.Answer:
        raise probe.ProbeFailed("torch did not answer within 120 s")

    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr(probe, "ask", fail)
    assert room.cards(FakeTorch(devices=[{"name": "a", "total_memory": 8}]), 1) == [Card("a", 8)]


def test_through_vllm_it_is_the_same_one_line(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raised where a platform raises it: pydantic wraps it, the command line unwraps it."""
    from vllm.platforms import current_platform

    def check(vllm_config: Any) -> None:
        room.check(vllm_config, [CARD])

    monkeypatch.setattr(type(current_platform), "check_and_update_config", staticmethod(check))
    with pytest.raises(Refusal) as raised, refusal.of_configuration("a model"):
        configured(checkpoint(max_position_embeddings=131072))
    said = str(raised.value)
    assert said.startswith("too little GPU memory: at least ") and "would fit: " in said
    assert "vLLM refuses" not in said and "change the flags" not in said


@pytest.mark.parametrize("simulated", ["gfx1100", ""])
def test_a_platform_s_whole_question(
    simulated: str, checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is asked for on every GPU, the GPU's name only where it is not simulated."""
    asked: list[int] = []
    config = configured(checkpoint(), max_model_len=4096)
    monkeypatch.setenv("VLLM_GFX_SIMULATE", simulated)
    monkeypatch.setattr(preflight, "_refuse_gpus", asked.append)
    monkeypatch.setattr(room, "cards", lambda torch, count: [Card("small", 8 * GIB)] * count)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.version.cuda", "13.0")  # where a card is simulated, on NVIDIA's
    with pytest.raises(Refusal, match="of small"):
        preflight.check(config)
    assert asked == ([] if simulated else [1])
    config.model_config = None  # as where only a part of vLLM is configured
    preflight.check(config)


def test_a_configuration_for_a_draft_is_not_asked_about_room(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker makes it with the weights loaded: what it finds in use is its own."""
    config = configured(checkpoint(), max_model_len=4096)
    crowded = Card("crowded", 24 * GIB, free=4 * GIB)
    monkeypatch.setattr(preflight, "_refuse_gpus", lambda count: None)
    monkeypatch.setattr(room, "cards", lambda torch, count: [crowded])
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    with pytest.raises(Refusal, match="of crowded"):
        preflight.check(config)
    monkeypatch.setattr("torch.cuda.memory_allocated", lambda: 1)
    preflight.check(config)


def test_a_card_simulated_on_the_cpu_has_no_memory_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VLLM_GFX_SIMULATE", "gfx1100")
    monkeypatch.setattr(room, "cards", lambda torch, count: 1 / 0)
    preflight.check(configured(tinylm.copy(tinylm.ORIGINAL)))


def test_a_true_7b_on_the_cards_people_have(checkpoint: Checkpoint) -> None:
    """bfloat16, 32768 tokens: too much for 16 GiB, enough for 20; its 4-bit copy for 8."""
    wanted = need.of(configured(checkpoint()))
    assert wanted.length == 32768
    assert room.refusal(wanted, Card("20", 20 * GIB), 0.92) is None
    assert "a 4-bit copy" in line(wanted, Card("16", 16 * GIB))
    assert room.refusal(wanted.as_4bit(), Card("8", 8 * GIB), 0.95) is None
