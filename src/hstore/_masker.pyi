"""What the compiled module offers: cffi's two objects. The functions are described in csrc/masker.h."""

from typing import Any

ffi: Any
lib: Any
