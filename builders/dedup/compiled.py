"""Compiled loops for large inputs: made by numba once for each machine, later loaded by llvmlite in milliseconds.

They need the extra ``fast``; without it numpy makes the same bytes. A process loads them once it is about to read some
megabytes of text. ``NYXQA_COMPILED=0`` turns them off.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import importlib.util
import os
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nyxqa.builders.dedup import kernel_source
from nyxqa.schemas.errors import WorldError, one_line
from nyxqa.schemas.files import replacing

LOAD_BYTES = 8 << 20  # of text: from here on loading takes less time than it saves
COMPILE_BYTES = 32 << 20  # compiling takes seconds, once
SWITCH = "NYXQA_COMPILED"

_POINTERS = {"b": "uint8", "w": "uint32", "u": "uint64", "i": "int64"}
# Parameters of each function: pointers to the types above, or ``n``, a number.
_KERNELS = {
    "hash_words": "binwnuui",
    "sketch_sets": "uiinnwnnuiuuuwi",
    "count_shared": "uiiiini",
}
# Callees before callers.
_HELPERS = (
    "mix",
    "next_code",
    "begin",
    "take",
    "insert_in_order",
    "sift",
    "sort_heap",
    "sort_hashes",
    "make_band_keys",
)


class Kernels:
    """The functions of ``kernel_source`` as machine code; several threads may call them at a time.

    :param code: An object file as ``compile_kernels`` makes it.
    """

    def __init__(self, code: bytes) -> None:
        llvm = _llvm()
        machine = _target_machine()
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)  # owns the code
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self._functions = {name: self._function(name, kinds) for name, kinds in _KERNELS.items()}

    def _function(self, name: str, kinds: str) -> Any:
        # The result and the exception, which never comes, are the first parameters of what numba compiles.
        parameters = [ctypes.c_int64 if kind == "n" else ctypes.c_void_p for kind in kinds]
        kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *parameters)
        return kind(self._engine.get_function_address(name))

    def call(self, name: str, *values: NDArray[Any] | int) -> int:
        """Call a function and return its result.

        :param values: Numbers, and contiguous arrays of the type that the function declares.
        """
        given: list[int] = []
        for kind, value in zip(_KERNELS[name], values, strict=True):
            if isinstance(value, np.ndarray):
                assert value.dtype == _POINTERS[kind] and value.flags.c_contiguous, (name, kind, value.dtype)  # noqa: S101
                given.append(value.ctypes.data)
            else:
                given.append(int(value))
        result = ctypes.c_int64()
        self._functions[name](ctypes.addressof(result), None, *given)
        return result.value


class _Scratch(threading.local):
    """Arrays of this thread, used again for each batch: memory that is new costs more time than what is done in it."""

    _LARGEST = 64 << 20  # bytes of an array that is kept

    def __init__(self) -> None:
        self._kept: dict[str, NDArray[Any]] = {}

    def array(self, name: str, kind: type[np.generic], size: int) -> NDArray[Any]:
        """At least ``size`` values of type ``kind``, which hold anything, for use until ``name`` is asked for again."""
        found = self._kept.get(name)
        if found is None or len(found) < size:
            found = np.empty(size, kind)
            if found.nbytes <= self._LARGEST:
                self._kept[name] = found
        return found


scratch = _Scratch()
_loaded: Kernels | None = None


def loaded() -> Kernels | None:
    """The compiled functions, if this process has loaded them."""
    return _loaded


def prepare(text_bytes: int) -> None:
    """Load the compiled functions if that saves time for so much text; compile them if this machine has none yet.

    :raises WorldError: If the extra is installed, but what it compiles cannot be used.
    """
    global _loaded
    if _loaded is not None or text_bytes < LOAD_BYTES or os.environ.get(SWITCH) == "0":
        return
    if any(importlib.util.find_spec(name) is None for name in ("numba", "llvmlite")):
        return
    file = cache_file()
    if file is None:
        return
    code = _stored(file)
    try:
        if code is None and text_bytes >= COMPILE_BYTES:
            code = compile_kernels()
            _store(file, code)
        _loaded = None if code is None else Kernels(code)
    except (ImportError, RuntimeError, OSError) as error:
        raise WorldError(
            f"the compiled functions of nyxqa[fast] cannot be made or loaded ({one_line(error)}): "
            f"install numba anew, or set {SWITCH}=0 to do without them"
        ) from error


def cache_file() -> Path | None:
    """Where the machine code for this processor and these versions is kept; None if no folder for it is writable."""
    llvm = _llvm()
    base = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    folder = Path(base) / "nyxqa"
    if not folder.is_absolute():
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    # A release of llvmlite belongs to one of numba; asking for installed versions would take as long as loading.
    parts = [_untyped("llvmlite").__version__, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()]
    sources = [Path(module.__file__ or "").read_bytes() for module in (kernel_source, sys.modules[__name__])]
    key = hashlib.sha256(b"\0".join([*(part.encode() for part in parts), *sources])).hexdigest()
    return folder / f"dedup-{key[:24]}.o"


def _stored(file: Path) -> bytes | None:
    """The machine code in ``file``; None if there is none, it is cut off, or another user wrote it."""
    try:
        if file.stat().st_uid not in (0, os.geteuid()):
            return None
        digest, code = file.read_bytes()[:32], file.read_bytes()[32:]
    except FileNotFoundError:
        return None
    return code if hashlib.sha256(code).digest() == digest else None


def _store(file: Path, code: bytes) -> None:
    with replacing(file) as temporary:
        temporary.write_bytes(hashlib.sha256(code).digest() + code)


def compile_kernels() -> bytes:
    """Compile ``kernel_source`` to an object file for this processor; takes some seconds."""
    llvm, numba, types = _llvm(), _untyped("numba"), _untyped("numba.types")
    functions = _copied_source()
    for name in _HELPERS:
        setattr(functions, name, numba.njit(getattr(functions, name)))
    pointers = {kind: types.CPointer(getattr(types, name)) for kind, name in _POINTERS.items()}
    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy", "boundscheck": False}
    linked = None
    for name, kinds in _KERNELS.items():
        signature = types.int64(*(types.int64 if kind == "n" else pointers[kind] for kind in kinds))
        compiled = numba.njit(signature, **options)(getattr(functions, name))
        (given,) = compiled.signatures
        module = llvm.parse_assembly(compiled.inspect_llvm(given))
        module.get_function(compiled.overloads[given].fndesc.llvm_func_name).name = name
        if linked is None:
            linked = module
        else:
            linked.link_in(module)
    assert linked is not None  # noqa: S101
    return bytes(_target_machine().emit_object(linked))


def _copied_source() -> ModuleType:
    """``kernel_source`` as a module of its own, whose functions compiled ones can replace."""
    spec = importlib.util.spec_from_file_location("nyxqa_kernels", kernel_source.__file__)
    assert spec is not None and spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _llvm() -> Any:
    return _untyped("llvmlite.binding")


def _untyped(name: str) -> Any:
    """A module of the extra, which has no types of use here, and takes time to import."""
    return importlib.import_module(name)


def _target_machine() -> Any:
    llvm = _llvm()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3, reloc="pic", codemodel="small"
    )
