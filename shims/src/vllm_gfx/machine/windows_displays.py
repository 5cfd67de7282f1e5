"""The display adapters that Windows has now, as it names them.

The registry keeps an adapter's key after the card was taken out, with all its values.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator
from ctypes import POINTER, byref, c_uint32, c_wchar_p
from functools import cache
from typing import Any

CLASS = "{4d36e968-e325-11ce-bfc1-08002be10318}"  # GUID_DEVCLASS_DISPLAY
_KEYS = rf"SYSTEM\CurrentControlSet\Control\Class\{CLASS}"  # one for each adapter: 0000, 0001...
_DEVICES = r"SYSTEM\CurrentControlSet\Enum"  # one for each device; its `Driver` names the other key
_PRESENT_OF_CLASS = 0x100 | 0x200  # CM_GETIDLIST_FILTER_PRESENT, CM_GETIDLIST_FILTER_CLASS
_SUCCESS, _BUFFER_SMALL = 0x00, 0x1A  # CR_...


def values(registry: Any) -> Iterator[dict[str, Any]]:
    """What `registry`, the module winreg, says of each adapter that is there."""
    present = _present(registry)
    with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, _KEYS) as parent:
        names = [registry.EnumKey(parent, i) for i in range(registry.QueryInfoKey(parent)[0])]
        for name in filter(str.isdigit, names):  # the others are not adapters
            if present is None or name in present:
                with registry.OpenKey(parent, name) as key:
                    count = registry.QueryInfoKey(key)[1]
                    found = [registry.EnumValue(key, i) for i in range(count)]
                yield {name: value for name, value, _ in found}


def _present(registry: Any) -> set[str] | None:
    """The keys of adapters that are there, `0000` for instance; None if Windows does not say."""
    code, instances = _instances()
    if code == _SUCCESS:
        return {_key(registry, instance) for instance in instances}
    _say(code)
    return None


def _key(registry: Any, instance: str) -> str:
    r"""`0001` of `PCI\VEN_1002&DEV_744C...`; empty if it has no driver, or has just gone."""
    try:
        with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, rf"{_DEVICES}\{instance}") as device:
            driver, _ = registry.QueryValueEx(device, "Driver")
    except FileNotFoundError:
        return ""
    return str(driver).rpartition("\\")[2]


def _instances() -> tuple[int, list[str]]:
    """Windows' code, and the devices of the class that are present."""
    library, length, code = _library(), c_uint32(), _BUFFER_SMALL
    buffer = ctypes.create_unicode_buffer(1)
    while code == _BUFFER_SMALL:  # at first, and if an adapter came between the two calls
        code = library.CM_Get_Device_ID_List_SizeW(byref(length), CLASS, _PRESENT_OF_CLASS)
        if code == _SUCCESS and length.value:
            buffer = ctypes.create_unicode_buffer(length.value)
            code = library.CM_Get_Device_ID_ListW(CLASS, buffer, length, _PRESENT_OF_CLASS)
    listed = ctypes.wstring_at(buffer, len(buffer))
    return code, [instance for instance in listed.split("\0") if instance]


@cache
def _say(code: int) -> None:
    logging.getLogger(__name__).warning(
        "Windows does not say which display adapters are present (CONFIGRET %#x): "
        "those of former cards are taken for present too",
        code,
    )


@cache
def _library() -> Any:
    library = ctypes.CDLL("cfgmgr32")  # on x64 there is one calling convention
    library.CM_Get_Device_ID_List_SizeW.argtypes = (POINTER(c_uint32), c_wchar_p, c_uint32)
    library.CM_Get_Device_ID_ListW.argtypes = (c_wchar_p, c_wchar_p, c_uint32, c_uint32)
    return library
